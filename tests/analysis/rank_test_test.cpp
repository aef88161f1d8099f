// SPDX-License-Identifier: MIT
#include "analysis/rank_test.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

namespace notifier::analysis {
namespace {

TEST(MidRanks, ShareTheRanksOfEqualValues) {
  EXPECT_EQ(mid_ranks(std::array{10.0, 30.0, 20.0, 20.0}), (std::vector<double>{1, 4, 2.5, 2.5}));
  EXPECT_TRUE(mid_ranks({}).empty());
}

// 3 against 3, no overlap: 2 of the C(6, 3) = 20 arrangements are as extreme.
TEST(MannWhitney, CountsArrangements) {
  const auto test = mann_whitney(std::array{1.0, 2.0, 3.0}, std::array{4.0, 5.0, 6.0});
  EXPECT_EQ(test->u, 0);
  EXPECT_DOUBLE_EQ(test->p, 0.1);
  EXPECT_EQ(test->method, RankMethod::kExact);
  EXPECT_DOUBLE_EQ(mann_whitney(std::array{4.0, 5.0, 6.0}, std::array{1.0, 2.0, 3.0})->p, 0.1);
}

// {1, 1} against {1, 2}: the 2 is on the right side in half of the 6 arrangements, so p = 1.
TEST(MannWhitney, IsExactWithTies) {
  EXPECT_DOUBLE_EQ(mann_whitney(std::array{1.0, 1.0}, std::array{1.0, 2.0})->p, 1);
  // {1,1,1} against {2,2,2}: again 2 of 20.
  EXPECT_DOUBLE_EQ(mann_whitney(std::array{1.0, 1.0, 1.0}, std::array{2.0, 2.0, 2.0})->p, 0.1);
  EXPECT_DOUBLE_EQ(mann_whitney(std::array{5.0, 5.0}, std::array{5.0, 5.0})->p, 1);
}

TEST(MannWhitney, IsUndefinedForAnEmptySide) {
  EXPECT_FALSE(mann_whitney({}, std::array{1.0}));
  EXPECT_DOUBLE_EQ(mann_whitney(std::array{1.0}, std::array{2.0})->p, 1);
}

TEST(MannWhitney, SwitchesToTheNormalApproximationForManyValues) {
  std::vector<double> a(30);
  std::iota(a.begin(), a.end(), 0);
  std::vector<double> b(30);
  std::iota(b.begin(), b.end(), 0.5);
  const auto test = mann_whitney(a, b);
  EXPECT_EQ(test->method, RankMethod::kNormal);
  EXPECT_GT(test->p, 0.5);
  EXPECT_DOUBLE_EQ(mann_whitney(std::vector<double>(60, 1.0), std::vector<double>(60, 1.0))->p, 1);
}

TEST(SmallestRankP, IsWhatCompleteSeparationGives) {
  EXPECT_DOUBLE_EQ(smallest_rank_p(3, 3), 0.1);
  EXPECT_NEAR(smallest_rank_p(10, 10), 1.0825e-5, 1e-9);
  EXPECT_DOUBLE_EQ(smallest_rank_p(1, 1), 1);
  EXPECT_DOUBLE_EQ(smallest_rank_p(0, 5), 1);
}

// U of 2 against 2 is 0, 1, 2 (twice), 3, 4 in 6 arrangements.
TEST(MannWhitneyCumulative, IsTheNullDistribution) {
  const std::vector<double> cumulative = mann_whitney_cumulative(2, 2);
  ASSERT_EQ(cumulative.size(), 5u);
  EXPECT_DOUBLE_EQ(cumulative[0], 1.0 / 6);
  EXPECT_DOUBLE_EQ(cumulative[1], 2.0 / 6);
  EXPECT_DOUBLE_EQ(cumulative[2], 4.0 / 6);
  EXPECT_DOUBLE_EQ(cumulative[4], 1);
}

TEST(BrunnerMunzel, KnowsItsLimits) {
  EXPECT_FALSE(brunner_munzel_p(std::array{1.0}, std::array{1.0, 2.0}));
  EXPECT_FALSE(brunner_munzel_p(std::array{1.0, 1.0}, std::array{1.0, 1.0}));
  EXPECT_EQ(brunner_munzel_p(std::array{1.0, 2.0}, std::array{3.0, 4.0}), 0);
}

TEST(CliffsDelta, IsTheBalanceOfPairs) {
  EXPECT_DOUBLE_EQ(*cliffs_delta(std::array{1.0, 2.0}, std::array{3.0, 4.0}), 1);
  EXPECT_DOUBLE_EQ(*cliffs_delta(std::array{3.0, 4.0}, std::array{1.0, 2.0}), -1);
  EXPECT_DOUBLE_EQ(*cliffs_delta(std::array{1.0, 3.0}, std::array{2.0, 3.0}), 0.25);
  EXPECT_FALSE(cliffs_delta({}, std::array{1.0}));
}

}  // namespace
}  // namespace notifier::analysis
