// SPDX-License-Identifier: MIT
#include "harness/pin/words.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace notifier::pin {
namespace {

constexpr std::uint64_t kSeed = 99;
constexpr std::size_t kWords = 512;

std::vector<std::byte> filled(Writer writer, std::uint64_t epoch, std::uint64_t seed = kSeed) {
  std::vector<std::byte> memory(kWords * sizeof(std::uint64_t));
  write_words(memory, writer, epoch, seed);
  return memory;
}

TEST(Words, EveryWriterAndGenerationIsRecognised) {
  EXPECT_EQ(count_words(filled(Writer::kProcess, kInitialEpoch), kSeed).process_initial, kWords);
  EXPECT_EQ(count_words(filled(Writer::kProcess, kFirstWriterEpoch), kSeed).process_first, kWords);
  EXPECT_EQ(count_words(filled(Writer::kProcess, kFinalEpoch), kSeed).process_final, kWords);
  EXPECT_EQ(count_words(filled(Writer::kDevice, kFinalEpoch), kSeed).device, kWords);
  EXPECT_EQ(count_words(filled(Writer::kSecondDevice, kFinalEpoch), kSeed).second_device, kWords);
  EXPECT_EQ(count_words(filled(Writer::kChild, kFirstWriterEpoch), kSeed).child, kWords);
  EXPECT_EQ(count_words(std::vector<std::byte>(kWords * 8), kSeed).zero, kWords);
}

TEST(Words, DataOfAnotherEventAreNotTakenForOnesOwn) {
  EXPECT_EQ(count_words(filled(Writer::kDevice, kFinalEpoch, kSeed + 1), kSeed).torn, kWords);
}

TEST(Words, OneChangedByteAndOneMisplacedWordAreTorn) {
  std::vector<std::byte> memory = filled(Writer::kDevice, kFinalEpoch);
  memory[17] ^= std::byte{1};
  EXPECT_EQ(count_words(memory, kSeed).torn, 1u);
  memory = filled(Writer::kDevice, kFinalEpoch);
  std::swap_ranges(memory.begin(), memory.begin() + 8, memory.begin() + 8);
  EXPECT_EQ(count_words(memory, kSeed).torn, 2u);
}

TEST(Words, CountsAddUp) {
  std::vector<std::byte> memory = filled(Writer::kProcess, kInitialEpoch);
  write_words(std::span(memory).first(64), Writer::kDevice, kFinalEpoch, kSeed);
  const WordCounts counts = count_words(memory, kSeed);
  EXPECT_EQ(counts.total, kWords);
  EXPECT_EQ(counts.device, 8u);
  EXPECT_EQ(counts.process_initial, kWords - 8);
}

}  // namespace
}  // namespace notifier::pin
