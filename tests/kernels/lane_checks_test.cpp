// SPDX-License-Identifier: MIT
#include "kernels/sweep/lane_checks.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sweep_test_bed.hpp"

namespace notifier::testing {
namespace {

// One line: pass p visits word p mod 8. Stops after `passes`; `before_pass` runs before each.
void run_passes(SweepTestBed& bed, std::uint64_t passes,
                const std::function<void(std::uint64_t pass)>& before_pass) {
  bed.on_poll = [&bed, passes, before_pass](std::uint64_t poll) {
    if (poll == passes) {
      bed.stop();
    } else {
      before_pass(poll + 1);
    }
  };
  bed.run();
}

SweepTestBed& allow(SweepTestBed& bed, std::uint64_t outcomes) {
  bed.command.allowed_begin_word = 0;
  bed.command.allowed_end_word = bed.data.size();
  bed.command.allowed_mask = outcomes;
  return bed;
}

constexpr SweepShape kOneLine{.lines = 1, .grid = {1, 1}, .gap_capacity = 0};

TEST(LaneChecks, AnUndisturbedSweepFindsNothing) {
  SweepTestBed bed(kOneLine);
  run_passes(bed, 40, [](std::uint64_t) {});
  EXPECT_EQ(bed.violations(), 0u);
  EXPECT_EQ(bed.lanes[0].words_checked, 40u);
  // Pass 40 is the last that wrote word 0, pass 39 word 7, ... pass 33 word 1.
  EXPECT_EQ(bed.data[0], bed.device_record(0, 40));
  EXPECT_EQ(bed.data[1], bed.device_record(1, 33));
  EXPECT_EQ(bed.data[7], bed.device_record(7, 39));
}

TEST(LaneChecks, KeepsWhatItSawBeforeTheStore) {
  SweepTestBed bed(kOneLine);
  device::test_device.ticks_per_clock_read = 0;
  device::test_device.clock_ticks = 77;
  run_passes(bed, 12, [&](std::uint64_t pass) {
    if (pass == 11) {
      bed.data[3] = 0xBAD;
    }
  });
  ASSERT_EQ(bed.lanes[0].violations, 1u);
  const ViolationRecord& kept = bed.lanes[0].kept[0];
  EXPECT_EQ(kept.word_index, 3u);
  EXPECT_EQ(kept.observed, 0xBADu);
  EXPECT_EQ(kept.expected, bed.device_record(3, 3));
  EXPECT_EQ(kept.phase, static_cast<std::uint64_t>(ViolationPhase::kBeforeStore));
  EXPECT_EQ(kept.pass, 11u);
  EXPECT_EQ(kept.clock_ticks, 77u);
}

TEST(LaneChecks, KeepsWhatItReadBack) {
  SweepTestBed bed(kOneLine);
  bed.on_access = [&](device::Access access, const std::uint64_t* pointer) {
    if (access == device::Access::kLoadWaited && pointer == &bed.data[2]) {
      bed.data[2] = bed.host_record(2, 0);  // the store is lost
    }
  };
  run_passes(bed, 3, [](std::uint64_t) {});
  ASSERT_EQ(bed.lanes[0].violations, 1u);
  const ViolationRecord& kept = bed.lanes[0].kept[0];
  EXPECT_EQ(kept.word_index, 2u);
  EXPECT_EQ(kept.observed, bed.host_record(2, 0));
  EXPECT_EQ(kept.expected, bed.device_record(2, 2));
  EXPECT_EQ(kept.phase, static_cast<std::uint64_t>(ViolationPhase::kReadBack));
  EXPECT_EQ(kept.pass, 2u);
}

TEST(LaneChecks, CountsAllAndKeepsTheFirst) {
  SweepTestBed bed(kOneLine);
  run_passes(bed, 20, [&](std::uint64_t pass) { bed.data[pass % 8] ^= 1; });
  EXPECT_EQ(bed.lanes[0].violations, 20u);
  for (std::uint64_t i = 0; i < kViolationsKeptPerLane; ++i) {
    EXPECT_EQ(bed.lanes[0].kept[i].pass, i + 1);
  }
}

TEST(LaneChecks, LanesKeepTheirOwnAccounts) {
  SweepTestBed bed({.lines = 6, .grid = {2, 3}, .gap_capacity = 0});
  bed.data[4 * kWordsPerLine + 1] = 0;  // line 4: wave 1, lane 1; visited in pass 1
  bed.on_poll = [&](std::uint64_t poll) {
    if (poll == 2) {
      bed.stop();
    }
  };
  bed.run();
  EXPECT_EQ(bed.lanes[1 * 3 + 1].violations, 1u);
  EXPECT_EQ(bed.violations(), 1u);
}

TEST(LaneChecks, ZeroIsCountedApartOnlyWhereAllowed) {
  const auto zeros_and_violations = [](std::uint64_t begin, std::uint64_t end,
                                       std::uint64_t outcomes) {
    SweepTestBed bed(kOneLine);
    allow(bed, outcomes);
    bed.command.allowed_begin_word = begin;
    bed.command.allowed_end_word = end;
    run_passes(bed, 12, [&](std::uint64_t pass) {
      if (pass == 11) {
        bed.data[3] = 0;
      }
    });
    return std::pair{bed.lanes[0].allowed_zeros, bed.violations()};
  };
  EXPECT_EQ(zeros_and_violations(0, 8, kAllowZero), (std::pair{1ul, 0ul}));
  EXPECT_EQ(zeros_and_violations(3, 4, kAllowZero), (std::pair{1ul, 0ul}));
  EXPECT_EQ(zeros_and_violations(4, 8, kAllowZero), (std::pair{0ul, 1ul}));
  EXPECT_EQ(zeros_and_violations(0, 3, kAllowZero), (std::pair{0ul, 1ul}));
  EXPECT_EQ(zeros_and_violations(0, 8, kAllowOlder), (std::pair{0ul, 1ul}));
  EXPECT_EQ(zeros_and_violations(0, 8, kAllowNothing), (std::pair{0ul, 1ul}));
}

struct OldRecord {
  std::string name;
  Record record;
  bool allowed;
};

TEST(LaneChecks, OlderMeansAWholeRecordOfThisLaneOrTheHost) {
  const SweepTestBed example(kOneLine);
  const Record other_owner = make_record(kOwner + 1, 3, 3, kSeed);
  const Record other_seed = make_record(kOwner, 3, 3, kSeed + 1);
  // Found in word 3 before the store of pass 27, where that of pass 19 should be.
  const std::vector<OldRecord> records = {
      {"two rounds ago", example.device_record(3, 11), true},
      {"first round", example.device_record(3, 3), true},
      {"the host's", example.host_record(3, 0), true},
      {"this pass, not yet written", example.device_record(3, 27), false},
      {"the future", example.device_record(3, 35), false},
      {"another owner's", other_owner, false},
      {"another seed's", other_seed, false},
      {"another word's", example.device_record(4, 11), false},
      {"torn", example.device_record(3, 11) ^ 0x10, false},
      {"zero", 0, false},
  };
  for (const OldRecord& old : records) {
    SCOPED_TRACE(old.name);
    SweepTestBed bed(kOneLine);
    allow(bed, kAllowOlder);
    run_passes(bed, 28, [&](std::uint64_t pass) {
      if (pass == 27) {
        bed.data[3] = old.record;
      }
    });
    EXPECT_EQ(bed.lanes[0].allowed_olders, old.allowed ? 1u : 0u);
    EXPECT_EQ(bed.violations(), old.allowed ? 0u : 1u);
  }
}

TEST(LaneChecks, WhereTheHostsRecordIsExpectedOnlyOlderOnesPass) {
  struct HostCase {
    std::uint64_t epoch_found;
    bool allowed;
  };
  for (const HostCase& found : {HostCase{4, true}, HostCase{0, true}, HostCase{6, false}}) {
    SCOPED_TRACE(found.epoch_found);
    SweepTestBed bed(kOneLine);
    allow(bed, kAllowOlder);
    bed.command.reset_begin_word = 0;
    bed.command.reset_end_word = 8;
    bed.command.reset_epoch = 5;
    bed.command.reset_generation = bed.command.generation;
    for (std::uint64_t word = 0; word < 8; ++word) {
      bed.data[word] = bed.host_record(word, 5);
    }
    run_passes(bed, 2, [&](std::uint64_t pass) {
      if (pass == 2) {
        bed.data[2] = bed.host_record(2, found.epoch_found);
      }
    });
    EXPECT_EQ(bed.lanes[0].allowed_olders, found.allowed ? 1u : 0u);
    EXPECT_EQ(bed.violations(), found.allowed ? 0u : 1u);
  }
}

TEST(LaneChecks, OlderHoldsAcrossTheWrapOfTheEpoch) {
  const std::uint64_t wrap = kEpochMask + 1;
  LaneState state{};
  const auto is_allowed = [&](std::uint64_t epoch_found, std::uint64_t pass) {
    device::LaneChecks checks(&state, kOwner, kSeed);
    checks.allow({0, 8}, kAllowOlder);
    checks.check({3, make_record(kOwner, 3, epoch_found, kSeed),
                  make_record(kOwner, 3, pass - 8, kSeed), ViolationPhase::kBeforeStore, pass});
    checks.publish();
    return state.violations == 0 && state.allowed_olders == 1;
  };
  EXPECT_TRUE(is_allowed(kEpochMask - 4, wrap + 11));
  EXPECT_FALSE(is_allowed(11, wrap + 3));
  EXPECT_TRUE(is_allowed(3, wrap + 19));
}

}  // namespace
}  // namespace notifier::testing
