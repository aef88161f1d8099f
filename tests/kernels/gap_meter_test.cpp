// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "sweep_test_bed.hpp"

namespace notifier::testing {
namespace {

// One line, so that each pass is one iteration with one stamp and one poll. The clock stands still
// but for `stalls`: the ticks it jumps before the store of pass 1, 2, ...
void run_with_stalls(SweepTestBed& bed, const std::vector<std::uint64_t>& stalls) {
  device::test_device.ticks_per_clock_read = 0;
  device::test_device.clock_ticks = 1000;
  std::size_t pass = 0;
  bed.on_access = [&bed, &stalls, pass](device::Access access,
                                        const std::uint64_t* pointer) mutable {
    if (access == device::Access::kStore && bed.is_data(pointer) && pass < stalls.size()) {
      device::test_device.clock_ticks += stalls[pass++];
    }
  };
  if (!bed.on_poll) {
    bed.on_poll = [&bed, &stalls](std::uint64_t poll) {
      if (poll == stalls.size()) {
        bed.stop();
      }
    };
  }
  bed.run();
}

TEST(GapMeter, KeepsGapsAboveTheThreshold) {
  SweepTestBed bed({.lines = 1, .grid = {1, 1}, .gap_capacity = 8});
  bed.command.gap_threshold_ticks = 50;
  run_with_stalls(bed, {10, 51, 50, 200, 3});
  EXPECT_EQ(bed.waves[0].gaps_recorded, 2u);
  EXPECT_EQ(bed.gaps[0].start_ticks, 1010u);
  EXPECT_EQ(bed.gaps[0].length_ticks, 51u);
  EXPECT_EQ(bed.gaps[1].start_ticks, 1111u);
  EXPECT_EQ(bed.gaps[1].length_ticks, 200u);
  EXPECT_EQ(bed.waves[0].last_clock_ticks, 1314u);
}

TEST(GapMeter, TheRingKeepsTheLastGapsAndCountsAll) {
  SweepTestBed bed({.lines = 1, .grid = {1, 1}, .gap_capacity = 4});
  bed.command.gap_threshold_ticks = 0;
  run_with_stalls(bed, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  EXPECT_EQ(bed.waves[0].gaps_recorded, 10u);
  // Gap n (from 0) lies in slot n mod 4.
  EXPECT_EQ(bed.gaps[0].length_ticks, 9u);
  EXPECT_EQ(bed.gaps[1].length_ticks, 10u);
  EXPECT_EQ(bed.gaps[2].length_ticks, 7u);
  EXPECT_EQ(bed.gaps[3].length_ticks, 8u);
}

TEST(GapMeter, WithoutARingGapsAreStillCounted) {
  SweepTestBed bed({.lines = 1, .grid = {1, 1}, .gap_capacity = 0});
  bed.command.gap_threshold_ticks = 0;
  run_with_stalls(bed, {5, 6, 5});
  EXPECT_EQ(bed.waves[0].gaps_recorded, 3u);
}

TEST(GapMeter, EachWaveHasARingOfItsOwn) {
  SweepTestBed bed({.lines = 2, .grid = {2, 1}, .gap_capacity = 2});
  bed.command.gap_threshold_ticks = 0;
  device::test_device.ticks_per_clock_read = 0;
  bed.on_access = [&bed](device::Access access, const std::uint64_t* pointer) {
    if (access == device::Access::kStore && bed.is_data(pointer)) {
      device::test_device.clock_ticks += device::test_device.wave == 0 ? 100 : 7;
    }
  };
  bed.on_poll = [&bed](std::uint64_t poll) {
    if (poll == 2) {
      bed.stop();
    }
  };
  bed.run();
  EXPECT_EQ(bed.gaps[0].length_ticks, 100u);
  EXPECT_EQ(bed.gaps[1].length_ticks, 100u);
  EXPECT_EQ(bed.gaps[2].length_ticks, 7u);
  EXPECT_EQ(bed.gaps[3].length_ticks, 7u);
}

TEST(GapMeter, OnlyTheFirstLaneWritesTheRing) {
  SweepTestBed bed({.lines = 2, .grid = {1, 2}, .gap_capacity = 4});
  bed.command.gap_threshold_ticks = 0;
  std::uint64_t ring_stores_of_others = 0;
  bed.on_access = [&](device::Access access, const std::uint64_t* pointer) {
    const auto* begin = reinterpret_cast<const std::uint64_t*>(bed.gaps.data());
    if (access == device::Access::kStore && pointer >= begin &&
        pointer < begin + bed.gaps.size() * 2 && device::test_device.lane != 0) {
      ++ring_stores_of_others;
    }
  };
  bed.on_poll = [&bed](std::uint64_t poll) {
    if (poll == 3) {
      bed.stop();
    }
  };
  bed.run();
  EXPECT_EQ(ring_stores_of_others, 0u);
  EXPECT_EQ(bed.waves[0].gaps_recorded, 3u);
}

TEST(GapMeter, LongestGapStartsAnewWithEachCommand) {
  SweepTestBed bed({.lines = 1, .grid = {1, 1}, .gap_capacity = 4});
  bed.on_poll = [&bed](std::uint64_t poll) {
    if (poll == 2) {
      EXPECT_EQ(bed.waves[0].longest_gap_ticks, 500u);
      EXPECT_EQ(bed.waves[0].longest_gap_start_ticks, 1020u);
      ++bed.command.generation;
    } else if (poll == 3) {
      EXPECT_EQ(bed.waves[0].acknowledged_generation, 1u);
      EXPECT_EQ(bed.waves[0].longest_gap_ticks, 30u);
      EXPECT_EQ(bed.waves[0].longest_gap_start_ticks, 1520u);
      bed.stop();
    }
  };
  run_with_stalls(bed, {20, 500, 30});
  EXPECT_EQ(bed.waves[0].gaps_recorded, 0u);
}

TEST(GapMeter, TheCommandMovesTheThreshold) {
  SweepTestBed bed({.lines = 1, .grid = {1, 1}, .gap_capacity = 4});
  bed.on_poll = [&bed](std::uint64_t poll) {
    if (poll == 1) {
      bed.command.gap_threshold_ticks = 10;
      ++bed.command.generation;
    } else if (poll == 3) {
      bed.stop();
    }
  };
  run_with_stalls(bed, {20, 20, 5});
  EXPECT_EQ(bed.waves[0].gaps_recorded, 1u);
  EXPECT_EQ(bed.gaps[0].start_ticks, 1020u);
}

TEST(GapMeter, ARecordIsReadBackBeforeItIsCounted) {
  SweepTestBed bed({.lines = 1, .grid = {1, 1}, .gap_capacity = 4});
  bed.command.gap_threshold_ticks = 10;
  bool start_waited = false;
  bool length_waited = false;
  bool counted_early = false;
  bed.on_poll = [&bed](std::uint64_t poll) {
    if (poll == 2) {
      bed.stop();
    }
  };
  device::test_device.ticks_per_clock_read = 11;
  bed.on_access = [&](device::Access access, const std::uint64_t* pointer) {
    start_waited |= access == device::Access::kLoadWaited && pointer == &bed.gaps[0].start_ticks;
    length_waited |= access == device::Access::kLoadWaited && pointer == &bed.gaps[0].length_ticks;
    const bool in_first_pass = bed.lanes[0].words_checked == 1;
    counted_early |= in_first_pass && access == device::Access::kStore &&
                     pointer == &bed.waves[0].gaps_recorded && !(start_waited && length_waited);
  };
  bed.run();
  EXPECT_TRUE(start_waited && length_waited);
  EXPECT_FALSE(counted_early);
  EXPECT_EQ(bed.waves[0].gaps_recorded, 2u);
}

}  // namespace
}  // namespace notifier::testing
