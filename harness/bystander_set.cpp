// SPDX-License-Identifier: MIT
#include "harness/bystander_set.hpp"

#include <algorithm>

namespace notifier {
namespace {

constexpr std::array<std::string_view, kBystanders> kWords{"queue", "device", "process", "timer"};

}  // namespace

std::string_view to_string(Bystander bystander) {
  return kWords[static_cast<std::size_t>(bystander)];
}

std::string BystanderSet::words() const {
  std::string text;
  for (std::size_t i = 0; i < kBystanders; ++i) {
    if (wanted_[i]) text.append(text.empty() ? "" : ",").append(kWords[i]);
  }
  return text.empty() ? "none" : text;
}

std::optional<BystanderSet> parse_bystanders(std::string_view words) {
  BystanderSet set;
  if (words == "none") return set;
  while (true) {
    const std::size_t end = std::min(words.find(','), words.size());
    const std::string_view word = words.substr(0, end);
    const auto* known = std::find(kWords.begin(), kWords.end(), word);
    if (word != "all" && known == kWords.end()) return std::nullopt;
    for (std::size_t i = 0; i < kBystanders; ++i) {
      if (word == "all" || word == kWords[i]) set.add(static_cast<Bystander>(i));
    }
    if (end == words.size()) return set;
    words.remove_prefix(end + 1);
  }
}

}  // namespace notifier
