// SPDX-License-Identifier: MIT
// Rows of the Markdown tables about pins.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

namespace notifier {

inline void append_row(std::string& text, const std::vector<std::string>& cells) {
  for (const std::string& cell : cells) text += fmt::format("| {} ", cell);
  text += "|\n";
}

inline void append_header(std::string& text, const std::vector<std::string>& titles) {
  append_row(text, titles);
  append_row(text, std::vector<std::string>(titles.size(), "---"));
}

}  // namespace notifier
