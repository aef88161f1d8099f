// SPDX-License-Identifier: MIT
#include "analysis/statistics.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

namespace notifier::analysis {
namespace {

TEST(Statistics, OfNothingAreUndefined) {
  const std::vector<double> none;
  EXPECT_FALSE(median(none));
  EXPECT_FALSE(minimum(none));
  EXPECT_FALSE(maximum(none));
  EXPECT_FALSE(mean(none));
  EXPECT_FALSE(quantile(none, 0.5));
  const Summary summary = summarize(none);
  EXPECT_EQ(summary.n, 0u);
  EXPECT_FALSE(summary.min || summary.p10 || summary.p50 || summary.p90 || summary.p99 ||
               summary.max);
}

TEST(Statistics, OfOneValueAreThatValue) {
  const Summary summary = summarize(std::array{7.0});
  EXPECT_EQ(summary.n, 1u);
  EXPECT_EQ(summary.min, 7);
  EXPECT_EQ(summary.p10, 7);
  EXPECT_EQ(summary.p50, 7);
  EXPECT_EQ(summary.p90, 7);
  EXPECT_EQ(summary.max, 7);
  EXPECT_FALSE(summary.p99);
}

TEST(Statistics, OfTwoValuesInterpolate) {
  const Summary summary = summarize(std::array{20.0, 10.0});
  EXPECT_EQ(summary.p10, 11);
  EXPECT_EQ(summary.p50, 15);
  EXPECT_EQ(summary.p90, 19);
}

TEST(Statistics, MedianOfOddAndEvenCounts) {
  EXPECT_EQ(median(std::array{3.0, 1.0, 2.0}), 2);
  EXPECT_EQ(median(std::array{4.0, 1.0, 3.0, 2.0}), 2.5);
}

// (n - 1) * 0.9 = 3.6, so 4 + 0.6 * (5 - 4).
TEST(Statistics, QuantileIsTypeSeven) {
  const std::array values{5.0, 4.0, 3.0, 2.0, 1.0};
  EXPECT_DOUBLE_EQ(*quantile(values, 0.9), 4.6);
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 1), 5);
  EXPECT_FALSE(quantile(values, 1.1));
  EXPECT_FALSE(quantile(values, -0.1));
}

TEST(Statistics, MeanIsTheMean) { EXPECT_EQ(mean(std::array{1.0, 2.0, 6.0}), 3); }

TEST(Statistics, P99NeedsThreeHundredSixtyEightValues) {
  std::vector<double> values(367);
  std::iota(values.begin(), values.end(), 0);
  EXPECT_FALSE(summarize(values).p99);
  values.push_back(367);
  ASSERT_TRUE(summarize(values).p99);
  EXPECT_DOUBLE_EQ(*summarize(values).p99, 367 * 0.99);
}

TEST(Statistics, LeaveTheCallersOrderAlone) {
  const std::vector<double> values{3, 1, 2};
  summarize(values);
  median(values);
  EXPECT_EQ(values, (std::vector<double>{3, 1, 2}));
}

TEST(Statistics, DoNotOverflowBetweenHugeValues) {
  EXPECT_EQ(median(std::array{-1.7e308, 1.7e308}), 0);
}

}  // namespace
}  // namespace notifier::analysis
