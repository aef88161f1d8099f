// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "sweep_test_bed.hpp"

namespace notifier::testing {
namespace {

// Visits of each word during eight passes, and per pass the lines visited.
struct Visits {
  std::vector<std::uint32_t> per_word;
  std::vector<std::vector<std::uint32_t>> per_pass_and_line;
};

Visits visits_of_eight_passes(const SweepShape& shape) {
  SweepTestBed bed(shape);
  Visits visits{std::vector<std::uint32_t>(bed.data.size()),
                std::vector<std::vector<std::uint32_t>>(kWordsPerLine,
                                                        std::vector<std::uint32_t>(shape.lines))};
  std::uint64_t pass = 0;
  bed.on_poll = [&](std::uint64_t poll) {
    const std::uint64_t per_pass = bed.polls_per_pass(device::test_device.wave);
    pass = poll / per_pass;
    if (pass == kWordsPerLine) {
      bed.stop();
    }
  };
  bed.on_access = [&](device::Access access, const std::uint64_t* pointer) {
    if (access == device::Access::kLoadWaited && bed.is_data(pointer)) {
      const std::uint64_t word = bed.word_of(pointer);
      ++visits.per_word[word];
      ++visits.per_pass_and_line[pass][word / kWordsPerLine];
    }
  };
  bed.run();
  EXPECT_EQ(bed.violations(), 0u);
  return visits;
}

TEST(Partition, EveryPassVisitsEachLineOnceAndEightPassesEachWordOnce) {
  for (const std::uint64_t lines : {1, 2, 3, 7, 8, 64, 65, 129, 1000}) {
    for (const std::uint32_t waves : {1, 2, 3, 5, 8, 70}) {
      for (const std::uint32_t lanes : {1, 2, 3, 32, 64}) {
        SCOPED_TRACE(::testing::Message() << lines << " lines, " << waves << " x " << lanes);
        const Visits visits = visits_of_eight_passes({lines, {waves, lanes}, 0});
        EXPECT_EQ(visits.per_word, std::vector<std::uint32_t>(lines * kWordsPerLine, 1));
        for (const auto& pass : visits.per_pass_and_line) {
          EXPECT_EQ(pass, std::vector<std::uint32_t>(lines, 1));
        }
      }
    }
  }
}

TEST(Partition, WavesShareLinesAsEvenlyAsIntegersAllow) {
  SweepTestBed bed({.lines = 10, .grid = {4, 1}, .gap_capacity = 0});
  bed.on_poll = [&](std::uint64_t poll) {
    if (poll == kWordsPerLine) {
      bed.stop();
    }
  };
  bed.run();
  // Wave w has lines [w*10/4, (w+1)*10/4): 2, 3, 2 and 3 of them.
  EXPECT_EQ(bed.lanes[0].words_checked, 16u);
  EXPECT_EQ(bed.lanes[1].words_checked, 24u);
  EXPECT_EQ(bed.lanes[2].words_checked, 16u);
  EXPECT_EQ(bed.lanes[3].words_checked, 24u);
}

TEST(Partition, AWaveWithoutLinesStillObeysAndCountsPasses) {
  SweepTestBed bed({.lines = 1, .grid = {2, 1}, .gap_capacity = 0});
  bed.on_poll = [&](std::uint64_t poll) {
    if (poll == 5) {
      bed.stop();
    }
  };
  bed.run();
  EXPECT_EQ(bed.lanes[0].words_checked, 0u);
  EXPECT_EQ(bed.waves[0].passes, 5u);
  EXPECT_EQ(bed.waves[0].iterations, 5u);
  EXPECT_EQ(bed.waves[0].finished, 1u);
}

TEST(Partition, LanesPastTheEndTakeNoPart) {
  // 65 lines over 64 lanes: two iterations, the second with lane 0 alone.
  SweepTestBed bed({.lines = 65, .grid = {1, 64}, .gap_capacity = 0});
  bed.on_poll = [&](std::uint64_t poll) {
    if (poll == 3) {
      bed.stop();
    }
  };
  bed.run();
  EXPECT_EQ(bed.waves[0].iterations, 6u);
  EXPECT_EQ(bed.lanes[0].words_checked, 6u);
  EXPECT_EQ(bed.lanes[1].words_checked, 3u);
  EXPECT_EQ(bed.lanes[63].words_checked, 3u);
}

}  // namespace
}  // namespace notifier::testing
