// SPDX-License-Identifier: MIT
#include "analysis/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace notifier::analysis {
namespace {

bool eight_plain_bytes(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  const std::uint64_t has_zero_byte =
      (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
  return ((word & 0x8080808080808080ULL) | has_zero_byte) == 0;
}

// Length of the well-formed sequence at text's start, 0 when there is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i, unsigned char low, unsigned char high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned char first = byte(0);
  if (first == 0) return 0;
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned char low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned char high = first == 0xED ? 0x9F : 0xBF;
    return continues(1, low, high) && continues(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned char low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xF4 ? 0x8F : 0xBF;
    const bool whole = continues(1, low, high) && continues(2, 0x80, 0xBF);
    return whole && continues(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  std::size_t position = 0;
  while (position < text.size()) {
    if (text.size() - position >= 8 && eight_plain_bytes(text.data() + position)) {
      position += 8;
      continue;
    }
    const std::size_t length = sequence_length(text.substr(position));
    if (length == 0) return position;
    position += length;
  }
  return std::nullopt;
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char character : text) {
    count += (static_cast<unsigned char>(character) & 0xC0) != 0x80 ? 1 : 0;
  }
  return count;
}

}  // namespace notifier::analysis
