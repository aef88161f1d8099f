// SPDX-License-Identifier: MIT
#include "harness/pin/outcome.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <stdexcept>

namespace notifier::pin {
namespace {

constexpr std::uint64_t kTotal = 8;

WordCounts all(std::uint64_t WordCounts::*kind) {
  WordCounts counts;
  counts.total = kTotal;
  counts.*kind = kTotal;
  return counts;
}

Observation written(const WordCounts& process) {
  Observation seen;
  seen.direction = Direction::kDeviceWrites;
  seen.process = process;
  return seen;
}

Observation read(const WordCounts& device) {
  Observation seen;
  seen.direction = Direction::kDeviceReads;
  seen.process = all(&WordCounts::process_final);
  seen.process_wrote_last = true;
  seen.device = device;
  return seen;
}

ChildReport child_with(const WordCounts& words) {
  ChildReport report;
  report.mapped = true;
  report.words = words;
  return report;
}

TEST(Outcome, DeviceWritesArrive) {
  EXPECT_EQ(classify(written(all(&WordCounts::device))), Outcome::kCoherent);
}

TEST(Outcome, DeviceWritesAreSeenByNobody) {
  Observation seen = written(all(&WordCounts::process_initial));
  EXPECT_EQ(classify(seen), Outcome::kOrphan);
  seen.device = all(&WordCounts::device);  // and the device reads them back
  EXPECT_EQ(classify(seen), Outcome::kOrphan);
}

TEST(Outcome, AnOrphanThatTheDeviceDoesNotHaveEitherIsAnError) {
  Observation seen = written(all(&WordCounts::process_initial));
  seen.device = all(&WordCounts::process_initial);
  EXPECT_THROW(classify(seen), std::runtime_error);
}

TEST(Outcome, DeviceWritesReachTheChildInsteadOfOrBesideTheProcess) {
  Observation seen = written(all(&WordCounts::process_initial));
  seen.child = child_with(all(&WordCounts::device));
  EXPECT_EQ(classify(seen), Outcome::kReachesChild);
  seen.process = all(&WordCounts::device);
  EXPECT_EQ(classify(seen), Outcome::kReachesChild);
}

TEST(Outcome, OneWordThatChangedInTheChildIsEnough) {
  Observation seen = written(all(&WordCounts::device));
  seen.child_first = child_with(all(&WordCounts::process_initial));
  seen.child = child_with(all(&WordCounts::process_initial));
  EXPECT_EQ(classify(seen), Outcome::kCoherent);
  --seen.child->words.process_initial;
  ++seen.child->words.process_final;
  EXPECT_EQ(words_changed_in_child(seen), 1u);
  EXPECT_EQ(classify(seen), Outcome::kReachesChild);
}

TEST(Outcome, AChildThatWroteMayHaveNothingButItsOwnWords) {
  Observation seen = written(all(&WordCounts::device));
  seen.child_has_written = true;
  seen.child_first = child_with(all(&WordCounts::process_initial));
  seen.child = child_with(all(&WordCounts::child));
  EXPECT_EQ(words_changed_in_child(seen), 0u);
  seen.child->words.child -= 3;
  seen.child->words.process_initial += 3;
  EXPECT_EQ(words_changed_in_child(seen), 3u);
}

TEST(Outcome, AChildWithoutTheMemoryIsNotReached) {
  Observation seen = written(all(&WordCounts::device));
  seen.child_first = ChildReport{};
  seen.child = ChildReport{};
  EXPECT_EQ(classify(seen), Outcome::kCoherent);
}

TEST(Outcome, HalfOfTheDataIsMixed) {
  WordCounts half;
  half.total = kTotal;
  half.device = kTotal / 2;
  half.process_initial = kTotal / 2;
  EXPECT_EQ(classify(written(half)), Outcome::kMixed);
  WordCounts half_read;
  half_read.total = kTotal;
  half_read.process_final = 1;
  half_read.process_initial = kTotal - 1;
  EXPECT_EQ(classify(read(half_read)), Outcome::kMixed);
}

TEST(Outcome, TornWordsOutrankEverything) {
  Observation seen = written(all(&WordCounts::device));
  seen.process.torn = 1;
  EXPECT_EQ(classify(seen), Outcome::kTorn);
  seen = read(all(&WordCounts::process_final));
  seen.device->torn = 1;
  EXPECT_EQ(classify(seen), Outcome::kTorn);
}

TEST(Outcome, DeviceReadsTheNewest) {
  EXPECT_EQ(classify(read(all(&WordCounts::process_final))), Outcome::kCoherent);
}

TEST(Outcome, DeviceReadsWhatNobodyHasAnyMore) {
  EXPECT_EQ(classify(read(all(&WordCounts::process_initial))), Outcome::kOrphan);
  EXPECT_EQ(classify(read(all(&WordCounts::zero))), Outcome::kOrphan);
  Observation gone = read(all(&WordCounts::process_initial));
  gone.process_has_memory = false;
  gone.process_wrote_last = false;
  EXPECT_EQ(classify(gone), Outcome::kOrphan);
}

TEST(Outcome, WithoutANewerWriteTheInitialDataAreTheNewest) {
  Observation seen = read(all(&WordCounts::process_initial));
  seen.process_wrote_last = false;
  EXPECT_EQ(classify(seen), Outcome::kCoherent);
}

TEST(Outcome, ChildsDataInTheDevice) {
  WordCounts counts = all(&WordCounts::process_final);
  counts.process_final -= 1;
  counts.child = 1;
  EXPECT_EQ(classify(read(counts)), Outcome::kReachesChild);
}

TEST(Outcome, OnlyEfaultIsAnOutcome) {
  Observation seen = written(all(&WordCounts::process_initial));
  seen.error = EFAULT;
  EXPECT_EQ(classify(seen), Outcome::kFault);
  seen.error = EIO;
  EXPECT_THROW(classify(seen), std::runtime_error);
}

PageEntry frame(std::uint64_t number) { return {(std::uint64_t{1} << 63) | number}; }

TEST(PageOwner, IsFoundByFrameNumbers) {
  const std::array original{frame(1), frame(2)};
  const std::array others{frame(3), frame(4)};
  const std::array half{frame(1), frame(4)};
  EXPECT_EQ(find_owner(original, original, others), PageOwner::kProcess);
  EXPECT_EQ(find_owner(original, others, original), PageOwner::kChild);
  EXPECT_EQ(find_owner(original, original, original), PageOwner::kBoth);
  EXPECT_EQ(find_owner(original, others, {}), PageOwner::kNobody);
  EXPECT_EQ(find_owner(original, half, {}), PageOwner::kMixed);
}

TEST(PageOwner, IsUnknownWithoutFrameNumbers) {
  const std::array hidden{frame(0), frame(0)};
  EXPECT_EQ(find_owner(hidden, hidden, {}), PageOwner::kUnknown);
}

}  // namespace
}  // namespace notifier::pin
