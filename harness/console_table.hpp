// SPDX-License-Identifier: MIT
// The table a person reads: one line per case and run, natural units.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "analysis/schema.hpp"

namespace notifier {

class ConsoleTable {
 public:
  /// No wider: the other columns take 90. A name that is longer pushes its own line to the right.
  static constexpr std::size_t kMostCaseColumns = 80;

  /// For a case that is to have a line: the first column is as wide as the longest name.
  void make_room_for(const std::string& case_name);

  std::string header() const;

  /// The line of one run of one case, from its summary rows.
  std::string line(std::span<const analysis::SummaryRow> rows) const;

 private:
  std::size_t case_columns_ = 4;  // of the heading, "case"
};

}  // namespace notifier
