// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace notifier::analysis {

// Parses JSON from an untrusted file. Throws InputError, with the line where it is known, for text
// that is not UTF-8 or not JSON, for a number that no double holds, and for nesting deeper than 64
// (the parser recurses).
nlohmann::json parse_json(std::string_view text, const std::string& file_name);

}  // namespace notifier::analysis
