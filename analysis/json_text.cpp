// SPDX-License-Identifier: MIT
#include "analysis/json_text.hpp"

#include <algorithm>

#include "analysis/csv.hpp"
#include "analysis/utf8.hpp"

namespace notifier::analysis {
namespace {

constexpr std::size_t kDeepestNesting = 64;

void check_depth(std::string_view text, const std::string& file_name) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char character = text[i];
    if (character == '"') in_string = !in_string;
    if (in_string) {
      if (character == '\\') ++i;
      continue;
    }
    if (character == '{' || character == '[') ++depth;
    if ((character == '}' || character == ']') && depth > 0) --depth;
    if (depth > kDeepestNesting) throw InputError(file_name, 0, 0, "nested too deeply");
  }
}

std::size_t line_at(std::string_view text, std::size_t offset) {
  const auto* end = text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size()));
  return static_cast<std::size_t>(std::count(text.begin(), end, '\n')) + 1;
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& file_name) {
  if (const auto defect = find_invalid_utf8(text)) {
    throw InputError(file_name, line_at(text, *defect), 0, "text is not UTF-8");
  }
  check_depth(text, file_name);
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    throw InputError(file_name, line_at(text, error.byte), 0, "is not JSON");
  } catch (const nlohmann::json::out_of_range&) {
    throw InputError(file_name, 0, 0, "a number is out of range");
  }
}

}  // namespace notifier::analysis
