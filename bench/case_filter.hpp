// SPDX-License-Identifier: MIT
// Which cases --filter selects, by their own names. Google Benchmark's filter sees its suffixes
// (/iterations:1/manual_time) too, so that no expression that ends with $ would ever match.
#pragma once

#include <regex.h>

#include <memory>
#include <string>
#include <vector>

namespace notifier {

/// A POSIX extended regular expression that is searched for in a name, with Google Benchmark's two
/// extras: one that starts with - selects what does not match, and "all" or nothing everything.
class CaseFilter {
 public:
  /// Throws std::invalid_argument with what is wrong about the expression.
  explicit CaseFilter(const std::string& expression);

  bool selects(const std::string& name) const;

  /// Removes what is not selected; `name_of` gives an element's name.
  template <typename Element, typename NameOf>
  void keep_selected(std::vector<Element>& elements, NameOf name_of) const {
    std::erase_if(elements, [&](const Element& one) { return !selects(name_of(one)); });
  }

 private:
  bool negated_ = false;
  std::unique_ptr<regex_t, void (*)(regex_t*)> wanted_;
};

}  // namespace notifier
