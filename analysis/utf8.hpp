// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace notifier::analysis {

// Offset of the first byte that is NUL or does not belong to well-formed UTF-8 (Unicode 15, table
// 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

// Columns that the text takes on a terminal when each code point takes one.
std::size_t count_code_points(std::string_view text);

}  // namespace notifier::analysis
