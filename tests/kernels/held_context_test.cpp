// SPDX-License-Identifier: MIT
// What a wave with a full context holds, when whoever preempts it brings it back wrong.
#include "kernels/sweep/held_context.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>

#include "sweep_test_bed.hpp"

namespace notifier::testing {
namespace {

constexpr SweepShape kOneLine{.lines = 1, .grid = {1, 1}, .gap_capacity = 0};
constexpr std::uint64_t kFirstHeldWord = kWordsPerLine;  // behind the buffer of one line

// One line: a pass is one visit, and the poll that ends it counts it. Stops after `passes`.
void run_full(SweepTestBed& bed, std::uint64_t passes) {
  bed.on_poll = [&bed, passes](std::uint64_t poll) {
    if (poll == passes) {
      bed.stop();
    }
  };
  bed.run_full();
}

// Changes local memory when its last word is about to be compared for the `pass`th time: whatever
// stands before it has been compared then, the last word itself has not.
void change_last_local_word(std::uint64_t pass, const std::function<Record(Record)>& change) {
  device::test_device.before_local_load = [pass, change,
                                           loads = std::uint64_t{0}](std::uint64_t* word) mutable {
    if (++loads == pass * kHeldLocalWords) {
      *word = change(*word);
    }
  };
}

TEST(HeldContext, UndisturbedItIsNoFinding) {
  SweepTestBed bed(kOneLine);
  run_full(bed, 40);
  EXPECT_EQ(bed.violations(), 0u);
  EXPECT_EQ(bed.lanes[0].words_checked, 40u);
  EXPECT_EQ(bed.waves[0].passes, 40u);
  EXPECT_EQ(bed.data[0], bed.device_record(0, 40));
}

TEST(HeldContext, SeveralLanesShareTheLocalMemory) {
  SweepTestBed bed({.lines = 6, .grid = {2, 3}, .gap_capacity = 0});
  run_full(bed, 10);
  EXPECT_EQ(bed.violations(), 0u);
}

TEST(HeldContext, AWordOfAnOlderSaveIsFound) {
  SweepTestBed bed(kOneLine);
  const std::uint64_t word = kFirstHeldWord + kHeldWordsPerLane - 1;
  change_last_local_word(
      5, [&](Record) { return make_record(static_cast<std::uint32_t>(kOwner), word, 4, kSeed); });
  run_full(bed, 12);
  ASSERT_EQ(bed.lanes[0].violations, 1u);
  const ViolationRecord& kept = bed.lanes[0].kept[0];
  EXPECT_EQ(kept.word_index, word);
  EXPECT_EQ(kept.phase, static_cast<std::uint64_t>(ViolationPhase::kHeldLocalMemory));
  EXPECT_EQ(kept.pass, 5u);
  EXPECT_EQ(kept.observed, bed.device_record(word, 4));
  EXPECT_EQ(kept.expected, bed.device_record(word, 5));
}

TEST(HeldContext, AWordThatWasNotBroughtBackIsFound) {
  SweepTestBed bed(kOneLine);
  change_last_local_word(2, [](Record) { return 0; });
  run_full(bed, 3);
  ASSERT_EQ(bed.lanes[0].violations, 1u);
  EXPECT_EQ(bed.lanes[0].kept[0].observed, 0u);
}

// Nothing that may happen to the buffer excuses what a wave holds.
TEST(HeldContext, NoAllowanceCoversIt) {
  SweepTestBed bed(kOneLine);
  bed.command.allowed_begin_word = 0;
  bed.command.allowed_end_word = bed.data.size();
  bed.command.allowed_mask = kAllowZero | kAllowOlder;
  change_last_local_word(2, [](Record) { return 0; });
  run_full(bed, 3);
  EXPECT_EQ(bed.lanes[0].violations, 1u);
  EXPECT_EQ(bed.lanes[0].allowed_zeros, 0u);
}

// At launch each register word goes through hold() twice, on its way and when it is there.
TEST(HeldContext, EachRegisterIsCompared) {
  for (std::uint64_t changed = 0; changed < 2 * kHeldRegisterWords; ++changed) {
    SweepTestBed bed(kOneLine);
    device::test_device.hold = [changed, holds = std::uint64_t{0}](std::uint64_t& value) mutable {
      value ^= holds++ == changed ? 0x10 : 0;
    };
    run_full(bed, 3);
    ASSERT_EQ(bed.lanes[0].violations, 1u) << changed;
    const ViolationRecord& kept = bed.lanes[0].kept[0];
    EXPECT_EQ(kept.word_index, kFirstHeldWord + changed / 2);
    EXPECT_EQ(kept.phase, static_cast<std::uint64_t>(ViolationPhase::kHeldRegister));
    EXPECT_EQ(kept.pass, 1u);
    EXPECT_EQ(kept.expected, bed.device_record(kept.word_index, 1));
  }
}

}  // namespace
}  // namespace notifier::testing
