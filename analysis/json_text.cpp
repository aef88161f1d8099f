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

// Lines and columns count from 1; columns in bytes.
[[noreturn]] void fail_at(std::string_view text, std::size_t offset, const std::string& file_name,
                          const char* message) {
  const std::string_view before = text.substr(0, offset);
  const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  const std::size_t last_end = before.rfind('\n');
  const std::size_t begin = last_end == std::string_view::npos ? 0 : last_end + 1;
  throw InputError(file_name, line, before.size() - begin + 1, message);
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& file_name) {
  if (const auto defect = find_invalid_utf8(text)) {
    fail_at(text, *defect, file_name, "text is not UTF-8");
  }
  check_depth(text, file_name);
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    // The parser counts bytes from 1, and has read the one at fault.
    fail_at(text, error.byte > 0 ? error.byte - 1 : 0, file_name, "is not JSON");
  } catch (const nlohmann::json::out_of_range&) {
    throw InputError(file_name, 0, 0, "a number is out of range");
  }
}

}  // namespace notifier::analysis
