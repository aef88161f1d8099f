// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstdint>

#include "sweep_test_bed.hpp"

namespace notifier::testing {
namespace {

constexpr SweepShape kOneLine{.lines = 1, .grid = {1, 1}, .gap_capacity = 0};

TEST(Command, StopIsAcknowledgedAndReported) {
  SweepTestBed bed(kOneLine);
  bed.command.generation = 41;
  bed.on_poll = [&](std::uint64_t poll) {
    EXPECT_EQ(bed.waves[0].acknowledged_generation, poll == 0 ? 0u : 41u);
    if (poll == 3) {
      bed.stop();
    }
  };
  bed.run();
  EXPECT_EQ(bed.waves[0].acknowledged_generation, 42u);
  EXPECT_EQ(bed.waves[0].finished, 1u);
  EXPECT_EQ(bed.waves[0].passes, 3u);
}

TEST(Command, StopBeforeTheFirstVisitVisitsNothing) {
  SweepTestBed bed(kOneLine);
  bed.command.stop = 1;
  bed.run();
  EXPECT_EQ(bed.waves[0].finished, 1u);
  EXPECT_EQ(bed.lanes[0].words_checked, 0u);
  EXPECT_EQ(bed.data[1], bed.host_record(1, 0));
}

TEST(Command, TheDeviceClockEndsASweepThatNobodyStops) {
  SweepTestBed bed(kOneLine);
  device::test_device.ticks_per_clock_read = 10;
  bed.deadline_ticks = 1000;
  bed.run();
  EXPECT_EQ(bed.waves[0].finished, 2u);
  EXPECT_EQ(bed.waves[0].passes, 100u);
}

TEST(Command, AWaveThatComesAfterTheEndLeavesAtOnce) {
  SweepTestBed bed({.lines = 4, .grid = {2, 1}, .gap_capacity = 0});
  device::test_device.ticks_per_clock_read = 10;
  bed.deadline_ticks = 1000;
  bed.on_access = [&](device::Access, const std::uint64_t*) {
    if (device::test_device.wave == 1) {
      bed.waves[0].finished = 2;
    }
  };
  bed.run();
  EXPECT_EQ(bed.waves[1].finished, 2u);
  EXPECT_EQ(bed.waves[1].iterations, 0u);
  EXPECT_EQ(bed.lanes[1].words_checked, 0u);
  EXPECT_GT(bed.waves[0].iterations, 0u);
}

TEST(Command, AnExcludedRangeIsNeitherReadNorWritten) {
  SweepTestBed bed({.lines = 200, .grid = {1, 1}, .gap_capacity = 0});
  const std::uint64_t begin = 333;
  const std::uint64_t end = 1000;
  bool acknowledged = false;
  std::uint64_t accesses_inside = 0;
  std::uint64_t accesses_outside = 0;
  bed.on_poll = [&](std::uint64_t poll) {
    if (poll == 2) {  // in the middle of a pass
      bed.command.excluded_begin_word = begin;
      bed.command.excluded_end_word = end;
      ++bed.command.generation;
    } else if (poll == 2 + 8 * bed.polls_per_pass(0)) {
      bed.stop();
    }
    acknowledged = bed.waves[0].acknowledged_generation == 1;
  };
  bed.on_access = [&](device::Access, const std::uint64_t* pointer) {
    if (acknowledged && bed.is_data(pointer)) {
      const std::uint64_t word = bed.word_of(pointer);
      ++(word >= begin && word < end ? accesses_inside : accesses_outside);
    }
  };
  bed.run();
  EXPECT_EQ(accesses_inside, 0u);
  EXPECT_GT(accesses_outside, 2000u);
  EXPECT_EQ(bed.violations(), 0u);
  EXPECT_EQ(bed.waves[0].passes, 8u);
  EXPECT_GT(bed.waves[0].iterations, bed.lanes[0].words_checked);
}

TEST(Command, PausesAfterAcknowledgingAndCountsThePauseAsAGap) {
  SweepTestBed bed({.lines = 1, .grid = {1, 1}, .gap_capacity = 4});
  bed.command.gap_threshold_ticks = 4000;
  bed.on_poll = [&](std::uint64_t poll) {
    if (poll == 5) {
      bed.command.pause_ticks = 5000;
      ++bed.command.generation;
    } else if (poll == 6) {
      EXPECT_EQ(bed.waves[0].acknowledged_generation, 1u);
      bed.stop();
      bed.command.pause_ticks = 0;
    }
  };
  bed.run();
  ASSERT_EQ(bed.waves[0].gaps_recorded, 1u);
  EXPECT_GE(bed.gaps[0].length_ticks, 5000u);
  EXPECT_LT(bed.gaps[0].length_ticks, 5010u);
}

TEST(Command, AcknowledgesBeforeItPauses) {
  SweepTestBed bed(kOneLine);
  bed.command.generation = 1;
  bed.command.pause_ticks = 1000;
  std::uint64_t looks_at_stop = 0;
  bed.on_access = [&](device::Access access, const std::uint64_t* pointer) {
    if (access == device::Access::kLoadAcquire && pointer == &bed.command.stop) {
      // The first look is part of taking the command over, the others belong to the pause.
      if (looks_at_stop < 100) {
        EXPECT_EQ(bed.waves[0].acknowledged_generation, looks_at_stop == 0 ? 0u : 1u);
      }
      if (++looks_at_stop == 100) {
        bed.stop();
      }
    }
  };
  bed.run();
  EXPECT_GE(looks_at_stop, 100u);
  EXPECT_EQ(bed.waves[0].finished, 1u);
  EXPECT_LT(device::test_device.clock_ticks, 1000u) << "stop did not end the pause";
}

TEST(Command, IsReadBeforeItIsAcknowledged) {
  SweepTestBed bed(kOneLine);
  bed.command.generation = 1;
  bed.command.pause_ticks = 1000;
  const auto* first = reinterpret_cast<const std::uint64_t*>(&bed.command);
  bool acknowledged = false;
  std::uint64_t reads_before = 0;
  bed.on_access = [&](device::Access access, const std::uint64_t* pointer) {
    if (access == device::Access::kStore && pointer == &bed.waves[0].acknowledged_generation) {
      acknowledged = true;
    }
    const bool in_command =
        pointer >= first && pointer < first + sizeof(Command) / sizeof(std::uint64_t);
    // These two tell a wave that there is another command.
    if (!in_command || pointer == &bed.command.generation || pointer == &bed.command.stop) return;
    EXPECT_FALSE(acknowledged) << "word " << pointer - first;
    ++reads_before;
  };
  bed.on_poll = [&](std::uint64_t poll) {
    acknowledged = false;
    if (poll == 4) bed.stop();
  };
  bed.run();
  EXPECT_GT(reads_before, 5u);
}

TEST(Command, TheDeadlineEndsAPause) {
  SweepTestBed bed(kOneLine);
  bed.command.pause_ticks = ~std::uint64_t{0};
  bed.deadline_ticks = 500;
  bed.run();
  EXPECT_EQ(bed.waves[0].finished, 2u);
  EXPECT_LT(device::test_device.clock_ticks, 600u);
}

TEST(Command, EveryPollPublishesProgress) {
  SweepTestBed bed({.lines = 200, .grid = {1, 1}, .gap_capacity = 0});
  // 200 iterations a pass: polls after 64, 128, 192 and 200 of them.
  const std::uint64_t iterations_at_poll[] = {0, 64, 128, 192, 200, 264};
  bed.on_poll = [&](std::uint64_t poll) {
    EXPECT_EQ(bed.waves[0].iterations, iterations_at_poll[poll]);
    EXPECT_EQ(bed.waves[0].passes, poll < 4 ? 0u : 1u);
    EXPECT_EQ(bed.lanes[0].words_checked, iterations_at_poll[poll]);
    EXPECT_EQ(bed.waves[0].last_clock_ticks, poll == 0 ? 0 : 1 + iterations_at_poll[poll]);
    if (poll == 5) {
      bed.stop();
    }
  };
  bed.run();
}

TEST(Command, AcknowledgementComesAfterWhatItVouchesFor) {
  SweepTestBed bed(kOneLine);
  const std::uint64_t* waited = nullptr;
  std::uint64_t acknowledgements = 0;
  bed.on_access = [&](device::Access access, const std::uint64_t* pointer) {
    if (access == device::Access::kStore && pointer == &bed.waves[0].acknowledged_generation) {
      ++acknowledgements;
      EXPECT_EQ(waited, &bed.waves[0].longest_gap_start_ticks);
      EXPECT_EQ(bed.waves[0].longest_gap_ticks, 0u);
    }
    if (access == device::Access::kLoadWaited) {
      waited = pointer;
    }
  };
  bed.on_poll = [&](std::uint64_t poll) {
    if (poll == 4) {
      ++bed.command.generation;
    } else if (poll == 8) {
      bed.stop();
    }
  };
  bed.run();
  EXPECT_EQ(acknowledgements, 3u);
}

TEST(Command, AStopIsObeyedWhileAResetHasToWait) {
  SweepTestBed bed({.lines = 4, .grid = {1, 1}, .gap_capacity = 0});
  const auto reset = [&](std::uint64_t begin) {
    bed.command.reset_begin_word = begin;
    bed.command.reset_end_word = begin + 8;
    for (std::uint64_t word = begin; word < begin + 8; ++word) {
      bed.data[word] = bed.host_record(word, 0);
    }
    bed.command.reset_generation = ++bed.command.generation;
  };
  bed.on_poll = [&](std::uint64_t poll) {
    if (poll >= 1 && poll <= 3) {
      reset((poll - 1) * 8);
    } else if (poll == 5) {
      EXPECT_EQ(bed.waves[0].acknowledged_generation, 2u);
      bed.stop();
    }
  };
  bed.run();
  EXPECT_EQ(bed.waves[0].finished, 1u);
  EXPECT_EQ(bed.waves[0].acknowledged_generation, 4u);
}

}  // namespace
}  // namespace notifier::testing
