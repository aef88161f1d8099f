// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace notifier::analysis {

// For text and attributes of XML and HTML. Control characters, which XML forbids, become '?'.
inline std::string escape_markup(std::string_view text) {
  std::string escaped;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '&') {
      escaped += "&amp;";
    } else if (character == '<') {
      escaped += "&lt;";
    } else if (character == '>') {
      escaped += "&gt;";
    } else if (character == '"') {
      escaped += "&quot;";
    } else if (character == '\'') {
      escaped += "&#39;";
    } else if (byte < 0x20 && character != '\n' && character != '\t') {
      escaped += '?';
    } else {
      escaped += character;
    }
  }
  return escaped;
}

}  // namespace notifier::analysis
