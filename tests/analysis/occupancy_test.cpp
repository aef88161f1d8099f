// SPDX-License-Identifier: MIT
#include "analysis/occupancy.hpp"

#include <gtest/gtest.h>

namespace notifier::analysis {
namespace {

// Runs of 10 events, `high` of them at 2000 and the others at 1000.
std::vector<std::vector<double>> two_levels(std::size_t runs, std::size_t high) {
  std::vector<double> run(10 - high, 1000.0);
  run.insert(run.end(), high, 2000.0);
  return std::vector<std::vector<double>>(runs, run);
}

TEST(Occupancy, FindsAChangeThatTheMedianHides) {
  const auto change = compare_occupancy(two_levels(5, 1), two_levels(5, 4));
  ASSERT_TRUE(change);
  ASSERT_EQ(change->buckets.size(), 2u);
  EXPECT_EQ(change->buckets[0].low, 1000);
  EXPECT_EQ(change->buckets[1].low, 2000);
  EXPECT_DOUBLE_EQ(change->buckets[0].share_a, 0.9);
  EXPECT_DOUBLE_EQ(change->buckets[1].share_b, 0.4);
  EXPECT_NEAR(change->largest_change, 0.3, 1e-12);
  EXPECT_NEAR(change->p, 2 * 2.0 / 252, 1e-12);  // two buckets, complete separation at 5 against 5
}

TEST(Occupancy, IsSilentOnEqualSides) {
  const auto change = compare_occupancy(two_levels(5, 3), two_levels(5, 3));
  ASSERT_TRUE(change);
  EXPECT_EQ(change->largest_change, 0);
  EXPECT_EQ(change->p, 1);
}

TEST(Occupancy, LeavesAShiftOfAllEventsToTheMedian) {
  EXPECT_FALSE(compare_occupancy(two_levels(5, 0), two_levels(5, 10)));
}

TEST(Occupancy, IsOnlyForQuantisedValues) {
  EXPECT_FALSE(compare_occupancy(two_levels(5, 0), two_levels(5, 0)));
  EXPECT_FALSE(compare_occupancy({}, two_levels(5, 1)));
  std::vector<std::vector<double>> spread(5);
  for (auto& run : spread) {
    for (int i = 0; i < 50; ++i) run.push_back(1000 + 30 * i);
  }
  EXPECT_FALSE(compare_occupancy(spread, spread));
}

}  // namespace
}  // namespace notifier::analysis
