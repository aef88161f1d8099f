// SPDX-License-Identifier: MIT
#include "harness/graphics/sdma.hpp"

#include <algorithm>

namespace notifier::graphics {
namespace {

constexpr std::uint32_t kNop = 0;
constexpr std::uint32_t kConstantFill = 11;
constexpr std::uint32_t kFillWords = 2U << 14;  // in the header's upper half: 32-bit elements
constexpr std::uint32_t kFillHeader = kConstantFill | kFillWords << 16;
constexpr std::uint64_t kPacketWords = 5;
constexpr std::size_t kIbAlignmentWords = 8;

}  // namespace

std::uint64_t words_per_pass(std::uint64_t bytes) {
  return (bytes + kMostFillBytes - 1) / kMostFillBytes * kPacketWords;
}

std::vector<std::uint32_t> fill_packets(std::uint32_t family, std::uint64_t address,
                                        std::uint64_t bytes, std::uint32_t value,
                                        std::uint32_t passes) {
  std::vector<std::uint32_t> words;
  for (std::uint32_t pass = 0; pass < passes; ++pass) {
    for (std::uint64_t done = 0; done < bytes;) {
      const std::uint64_t part = std::min(bytes - done, kMostFillBytes);
      const std::uint64_t at = address + done;
      const auto count = static_cast<std::uint32_t>(family >= kFamilyVega ? part - 1 : part);
      words.insert(words.end(), {kFillHeader, static_cast<std::uint32_t>(at),
                                 static_cast<std::uint32_t>(at >> 32), value, count});
      done += part;
    }
  }
  while (words.size() % kIbAlignmentWords != 0) words.push_back(kNop);
  return words;
}

}  // namespace notifier::graphics
