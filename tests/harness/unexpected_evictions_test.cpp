// SPDX-License-Identifier: MIT
#include "harness/unexpected_evictions.hpp"

#include <gtest/gtest.h>

#include "analysis/flags.hpp"
#include "harness/perturbation.hpp"

namespace notifier {
namespace {

constexpr Reach kInherited{MemoryPath::kUserptrBo, Recovery::kPreempt, /*copied_by_fork=*/true};

bool flagged(const Perturbation& row, std::int64_t evictions,
             analysis::EventKind kind = analysis::EventKind::kEvent) {
  analysis::SampleRow sample;
  sample.kind = kind;
  sample.evictions = evictions;
  analysis::SummaryRow run;
  flag_unexpected_evictions(sample, expected_evictions(row, kInherited).most, run);
  return analysis::has_flag(run.flags, "unexpected_evictions");
}

TEST(UnexpectedEvictions, OneThatANeighbourCausesIsFlagged) {
  const Perturbation& neighbour = *find_perturbation("munmap_neighbour");
  EXPECT_FALSE(flagged(neighbour, 0));
  EXPECT_TRUE(flagged(neighbour, 1));
}

TEST(UnexpectedEvictions, ASecondOfACallThatCausesOneIsFlagged) {
  EXPECT_FALSE(flagged(*find_perturbation("fork_exit"), 1));
  EXPECT_TRUE(flagged(*find_perturbation("fork_exit"), 2));
  EXPECT_FALSE(flagged(*find_perturbation("load_pinned"), 4)) << "one of each file";
  EXPECT_TRUE(flagged(*find_perturbation("load_pinned"), 5));
}

/// A table that does not expect what happens says so as well.
TEST(UnexpectedEvictions, WhatTheRowNoLongerExpectsIsFlagged) {
  Perturbation altered = *find_perturbation("dontneed");
  EXPECT_FALSE(flagged(altered, 1));
  altered.evictions = 0;
  EXPECT_TRUE(flagged(altered, 1));
}

TEST(UnexpectedEvictions, AnyOfAShamIsFlagged) {
  EXPECT_FALSE(flagged(*find_perturbation("fork_storm"), 0, analysis::EventKind::kSham));
  EXPECT_TRUE(flagged(*find_perturbation("fork_storm"), 1, analysis::EventKind::kSham));
}

TEST(UnexpectedEvictions, WhatNoDriverCountedIsNone) {
  analysis::SampleRow sample;
  analysis::SummaryRow run;
  flag_unexpected_evictions(sample, 0, run);
  EXPECT_EQ(run.flags, "");
}

}  // namespace
}  // namespace notifier
