// SPDX-License-Identifier: MIT
// A chain of jobs is the same sweep as one kernel that does not end.
#include <gtest/gtest.h>

#include <cstdint>

#include "random_host.hpp"
#include "sweep_test_bed.hpp"

namespace notifier::testing {
namespace {

constexpr std::uint64_t kPolls = 400;

void obey(SweepTestBed& bed, RandomHost& host) {
  bed.on_poll = [&](std::uint64_t poll) {
    if (poll == kPolls) {
      bed.stop();
    } else {
      host.step();
    }
  };
}

TEST(Job, AChainIsTheSweepThatDoesNotEnd) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    // One and several polls in a pass.
    const SweepShape shape{.lines = 1 + seed * 11, .grid = {1, 1}, .gap_capacity = 4};
    SweepTestBed whole(shape);
    RandomHost whole_host(whole, seed);
    obey(whole, whole_host);
    whole.run();

    SweepTestBed chain(shape);
    RandomHost chain_host(chain, seed);
    obey(chain, chain_host);
    std::uint64_t jobs = 0;
    while (chain.waves[0].finished == 0) {
      chain.deadline_ticks = 1 + (seed + jobs) % 97;
      chain.run_job();
      ++jobs;
      ASSERT_LT(jobs, 10 * kPolls);
    }
    EXPECT_GT(jobs, 10u);
    EXPECT_EQ(chain_host.hand_backs(), whole_host.hand_backs());
    EXPECT_EQ(chain.data, whole.data);
    EXPECT_EQ(chain.violations(), 0u);
    EXPECT_EQ(chain.waves[0].passes, whole.waves[0].passes);
    EXPECT_EQ(chain.waves[0].iterations, whole.waves[0].iterations);
    EXPECT_EQ(chain.lanes[0].words_checked, whole.lanes[0].words_checked);
    EXPECT_EQ(chain.waves[0].finished, 1u);
  }
}

TEST(Job, TheTimeBetweenTwoIsAGap) {
  SweepTestBed bed({.lines = 8, .grid = {1, 1}, .gap_capacity = 4});
  bed.command.gap_threshold_ticks = 100;
  bed.deadline_ticks = 50;
  bed.run_job();
  const std::uint64_t last_stamp_ticks = bed.waves[0].last_clock_ticks;
  device::test_device.clock_ticks += 5'000;
  bed.run_job();
  // The next job's own first look at the clock and its first stamp come after the jump.
  EXPECT_EQ(bed.waves[0].longest_gap_start_ticks, last_stamp_ticks);
  EXPECT_EQ(bed.waves[0].longest_gap_ticks, 5'000u + 2);
  EXPECT_EQ(bed.waves[0].gaps_recorded, 1u);
  EXPECT_EQ(bed.gaps[0].length_ticks, 5'000u + 2);
  EXPECT_EQ(bed.waves[0].finished, 0u) << "the end of a job is not the end of the workload";
}

TEST(Job, AViolationIsCountedOnFromJobToJob) {
  SweepTestBed bed({.lines = 1, .grid = {1, 1}, .gap_capacity = 0});
  bed.deadline_ticks = 16;
  bed.run_job();
  for (std::uint64_t& word : bed.data) word = 0;
  bed.run_job();
  const std::uint64_t found = bed.violations();
  EXPECT_EQ(found, 8u) << "each word once, at its next visit";
  bed.run_job();
  EXPECT_EQ(bed.violations(), found);
}

}  // namespace
}  // namespace notifier::testing
