// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/change_points.hpp"
#include "analysis/occupancy.hpp"
#include "analysis/random.hpp"

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

TEST(Occupancy, IsOnlyForQuantisedValues) {
  EXPECT_FALSE(compare_occupancy(two_levels(5, 0), two_levels(5, 0)));
  EXPECT_FALSE(compare_occupancy({}, two_levels(5, 1)));
  std::vector<std::vector<double>> spread(5);
  for (auto& run : spread) {
    for (int i = 0; i < 50; ++i) run.push_back(1000 + 30 * i);
  }
  EXPECT_FALSE(compare_occupancy(spread, spread));
}

std::vector<std::optional<double>> nights(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::optional<double>> values(count);
  for (auto& value : values) {
    double noise = -6;
    for (int i = 0; i < 12; ++i) noise += random.uniform();
    value = 1000 * std::exp(0.01 * noise);
  }
  return values;
}

void raise(std::vector<std::optional<double>>& values, std::size_t begin, std::size_t end,
           double factor) {
  for (std::size_t i = begin; i < end; ++i) {
    if (values[i]) *values[i] *= factor;
  }
}

TEST(ChangePoints, AreNotFoundInNoise) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_TRUE(find_change_points(nights(365, seed)).empty()) << seed;
  }
  EXPECT_TRUE(find_change_points({}).empty());
  EXPECT_TRUE(find_change_points(std::vector<std::optional<double>>(50, 3.0)).empty());
}

TEST(ChangePoints, FindAStep) {
  auto values = nights(200, 3);
  raise(values, 120, 200, 1.05);
  const auto points = find_change_points(values);
  ASSERT_EQ(points.size(), 1u);
  EXPECT_NEAR(static_cast<double>(points[0].index), 120, 2);
  EXPECT_NEAR(points[0].log_ratio, std::log(1.05), 0.01);
}

TEST(ChangePoints, FindAStepThatGoesBack) {
  auto values = nights(365, 4);
  raise(values, 150, 165, 1.06);
  const auto points = find_change_points(values);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_NEAR(static_cast<double>(points[0].index), 150, 2);
  EXPECT_NEAR(static_cast<double>(points[1].index), 165, 2);
  EXPECT_LT(points[1].log_ratio, 0);
}

TEST(ChangePoints, TakeNoSpikeForAStep) {
  auto values = nights(365, 5);
  for (std::size_t i = 10; i < 365; i += 50) raise(values, i, i + 1, 3);
  EXPECT_TRUE(find_change_points(values).empty());
}

TEST(ChangePoints, CountGapsAsNothing) {
  auto values = nights(200, 6);
  raise(values, 100, 200, 1.08);
  for (std::size_t i = 60; i < 90; ++i) values[i].reset();
  const auto points = find_change_points(values);
  ASSERT_EQ(points.size(), 1u);
  EXPECT_NEAR(static_cast<double>(points[0].index), 100, 2);
}

}  // namespace
}  // namespace notifier::analysis
