// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstdint>
#include <random>

#include "kernels/sweep/reset_history.hpp"
#include "random_host.hpp"
#include "sweep_test_bed.hpp"

namespace notifier::testing {
namespace {

using device::Moment;
using device::Reset;
using device::ResetHistory;

// What the kernel expects is checked against the memory itself: nothing but lane and host write it,
// so an expectation that is ever wrong is a violation.
TEST(ExpectedRecord, FollowsEveryLegitimateHistory) {
  std::uint64_t hand_backs = 0;
  std::uint64_t deferred_polls = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    SweepTestBed bed({.lines = 1 + seed * 7,
                      .grid = {1 + static_cast<std::uint32_t>(seed % 3), 1},
                      .gap_capacity = 0});
    std::vector<RandomHost> hosts;
    for (std::uint32_t wave = 0; wave < bed.shape.grid.waves; ++wave) {
      hosts.emplace_back(bed, seed * 100 + wave);
    }
    bed.on_poll = [&](std::uint64_t poll) {
      if (poll == 600) {
        bed.stop();
      } else {
        hosts[device::test_device.wave].step();
      }
    };
    // The waves run one after the other, so each gets the buffer as it was at launch.
    std::uint32_t wave_before = 0;
    bed.on_access = [&](device::Access, const std::uint64_t*) {
      if (device::test_device.wave != wave_before) {
        wave_before = device::test_device.wave;
        for (std::uint64_t word = 0; word < bed.data.size(); ++word) {
          bed.data[word] = bed.host_record(word, 0);
        }
      }
    };
    bed.run();
    EXPECT_EQ(bed.violations(), 0u);
    for (const RandomHost& host : hosts) {
      hand_backs += host.hand_backs();
      deferred_polls += host.deferred_polls();
    }
  }
  EXPECT_GT(hand_backs, 1000u);
  EXPECT_GT(deferred_polls, 0u) << "no third unsettled reset ever had to wait";
}

TEST(ExpectedRecord, CorruptionIsFoundWhereverTheHistoryIs) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    SweepTestBed bed({.lines = 100, .grid = {1, 1}, .gap_capacity = 0});
    RandomHost host(bed, seed);
    std::mt19937_64 random(seed);
    std::uint64_t planted = 0;
    bed.on_poll = [&](std::uint64_t poll) {
      if (poll == 400) {
        bed.stop();
      } else {
        host.step();
      }
    };
    bed.on_access = [&](device::Access access, const std::uint64_t* pointer) {
      if (access != device::Access::kStore && bed.is_data(pointer) && random() % 512 == 0) {
        bed.data[bed.word_of(pointer)] ^= std::uint64_t{1} << (random() % 64);
        ++planted;
      }
    };
    bed.run();
    EXPECT_GT(planted, 10u);
    // A word spoiled at its read-back is found there and again eight passes later, unless a reset
    // or the end comes before.
    EXPECT_GE(bed.violations(), planted);
    EXPECT_LE(bed.violations(), 2 * planted);
  }
}

TEST(ExpectedRecord, BeforeTheFirstVisitItIsTheHostsAtEpochZero) {
  ResetHistory history;
  for (std::uint64_t pass = 1; pass <= 8; ++pass) {
    EXPECT_EQ(history.expected(pass, {pass, 0}, kOwner, kSeed),
              make_record(kHostOwner, pass, 0, kSeed));
  }
  EXPECT_EQ(history.expected(9, {9, 0}, kOwner, kSeed), make_record(kOwner, 9, 1, kSeed));
}

TEST(ExpectedRecord, ResetCountsFromTheIterationAtWhichItWasTaken) {
  ResetHistory history;
  ASSERT_TRUE(history.take({.range = {100, 200}, .epoch = 7, .taken = {20, 5}}));
  const Record host = make_record(kHostOwner, 150, 7, kSeed);
  EXPECT_EQ(history.expected(150, {20, 5}, kOwner, kSeed), host);
  EXPECT_EQ(history.expected(150, {27, 9}, kOwner, kSeed), host);
  EXPECT_EQ(history.expected(150, {28, 4}, kOwner, kSeed), host);
  EXPECT_EQ(history.expected(150, {28, 5}, kOwner, kSeed), make_record(kOwner, 150, 20, kSeed));
  EXPECT_EQ(history.expected(150, {29, 0}, kOwner, kSeed), make_record(kOwner, 150, 21, kSeed));
  EXPECT_EQ(history.expected(99, {20, 5}, kOwner, kSeed), make_record(kOwner, 99, 12, kSeed));
  EXPECT_EQ(history.expected(200, {20, 5}, kOwner, kSeed), make_record(kOwner, 200, 12, kSeed));
}

TEST(ExpectedRecord, TheLaterOfTwoResetsDecidesWhereTheyOverlap) {
  ResetHistory history;
  ASSERT_TRUE(history.take({.range = {0, 100}, .epoch = 1, .taken = {20, 0}}));
  ASSERT_TRUE(history.take({.range = {50, 150}, .epoch = 2, .taken = {22, 0}}));
  EXPECT_EQ(history.expected(10, {23, 0}, kOwner, kSeed), make_record(kHostOwner, 10, 1, kSeed));
  EXPECT_EQ(history.expected(60, {23, 0}, kOwner, kSeed), make_record(kHostOwner, 60, 2, kSeed));
  EXPECT_EQ(history.expected(10, {29, 0}, kOwner, kSeed), make_record(kOwner, 10, 21, kSeed));
  EXPECT_EQ(history.expected(60, {29, 0}, kOwner, kSeed), make_record(kHostOwner, 60, 2, kSeed));
}

TEST(ExpectedRecord, AThirdUnsettledResetHasToWait) {
  ResetHistory history;
  ASSERT_TRUE(history.take({.range = {0, 10}, .epoch = 1, .taken = {20, 0}}));
  ASSERT_TRUE(history.take({.range = {10, 20}, .epoch = 2, .taken = {21, 0}}));
  EXPECT_FALSE(history.take({.range = {20, 30}, .epoch = 3, .taken = {28, 0}}));
  EXPECT_EQ(history.expected(5, {28, 0}, kOwner, kSeed), make_record(kOwner, 5, 20, kSeed));
  EXPECT_TRUE(history.take({.range = {20, 30}, .epoch = 3, .taken = {29, 0}}));
  EXPECT_EQ(history.expected(15, {29, 0}, kOwner, kSeed), make_record(kOwner, 15, 21, kSeed));
  EXPECT_EQ(history.expected(25, {29, 0}, kOwner, kSeed), make_record(kHostOwner, 25, 3, kSeed));
}

TEST(ExpectedRecord, AResetThatCoversAnUnsettledOneReplacesIt) {
  ResetHistory history;
  for (std::uint64_t epoch = 1; epoch <= 5; ++epoch) {
    ASSERT_TRUE(history.take({.range = {40, 80}, .epoch = epoch, .taken = {20, epoch}}));
  }
  EXPECT_EQ(history.expected(40, {21, 0}, kOwner, kSeed), make_record(kHostOwner, 40, 5, kSeed));
  EXPECT_TRUE(history.take({.range = {0, 10}, .epoch = 6, .taken = {21, 0}}));
  EXPECT_TRUE(history.take({.range = {0, 40}, .epoch = 7, .taken = {22, 0}}));
  EXPECT_EQ(history.expected(40, {23, 0}, kOwner, kSeed), make_record(kHostOwner, 40, 5, kSeed));
  EXPECT_EQ(history.expected(5, {23, 0}, kOwner, kSeed), make_record(kHostOwner, 5, 7, kSeed));
}

TEST(ExpectedRecord, EpochsWrapAtTwentyFourBits) {
  const ResetHistory history;
  const std::uint64_t wrap = kEpochMask + 1;
  EXPECT_EQ(record_epoch(history.expected(0, {wrap + 8, 0}, kOwner, kSeed)), 0u);
  EXPECT_EQ(record_epoch(history.expected(0, {wrap + 7, 0}, kOwner, kSeed)), kEpochMask);
  EXPECT_EQ(record_epoch(history.expected(0, {wrap + 9, 0}, kOwner, kSeed)), 1u);
}

TEST(ExpectedRecord, ASweepRunsThroughTheWrap) {
  SweepTestBed bed({.lines = 1, .grid = {1, 1}, .gap_capacity = 0});
  // One clock read at launch and one per pass: the deadline ends it 100 passes after the wrap.
  bed.deadline_ticks = kEpochMask + 1 + 100;
  bed.run();
  EXPECT_EQ(bed.waves[0].passes, kEpochMask + 1 + 100);
  EXPECT_EQ(bed.violations(), 0u);
  EXPECT_EQ(bed.lanes[0].words_checked, bed.waves[0].passes);
}

}  // namespace
}  // namespace notifier::testing
