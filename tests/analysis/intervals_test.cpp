// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>

#include "analysis/correction.hpp"
#include "analysis/harrell_davis.hpp"
#include "analysis/proportion.hpp"
#include "analysis/shift.hpp"

namespace notifier::analysis {
namespace {

TEST(HodgesLehmann, IsTheMedianOfAllDifferences) {
  // differences: 3, 2, 9, 8
  EXPECT_EQ(hodges_lehmann_shift(std::array{1.0, 2.0}, std::array{4.0, 10.0}), 5.5);
  EXPECT_FALSE(hodges_lehmann_shift({}, std::array{1.0}));
}

// 4 against 4: P(U = 0) = 1/70 <= 0.025 < P(U <= 1), so the interval goes from the smallest to the
// largest difference. 3 against 3 has no 95 % interval.
TEST(ShiftInterval, GoesFromSmallestToLargestDifferenceAtFourAgainstFour) {
  const std::array a{1.0, 2.0, 3.0, 4.0};
  const std::array b{11.0, 12.0, 13.0, 14.0};
  const auto interval = shift_interval(a, b, 0.95);
  ASSERT_TRUE(interval);
  EXPECT_EQ(interval->low, 7);
  EXPECT_EQ(interval->high, 13);
  EXPECT_FALSE(shift_interval(std::array{1.0, 2.0, 3.0}, std::array{4.0, 5.0, 6.0}, 0.95));
  EXPECT_FALSE(shift_interval({}, b, 0.95));
}

// 5 against 5, 95 %: the tables' critical U is 2, so the third smallest difference.
TEST(ShiftInterval, FollowsTheCriticalValue) {
  const std::array a{0.0, 0.0, 0.0, 0.0, 0.0};
  const std::array b{1.0, 2.0, 3.0, 4.0, 5.0};
  const auto interval = shift_interval(a, b, 0.95);
  EXPECT_EQ(interval->low, 1);
  EXPECT_EQ(interval->high, 5);
  const std::array spread{0.0, 10.0, 20.0, 30.0, 40.0};
  // sorted differences b - spread: -39, -38, -37, ...
  EXPECT_EQ(shift_interval(spread, b, 0.95)->low, -37);
}

TEST(KnownVariance, IsATTest) {
  const KnownVarianceShift known = shift_with_known_variance(2, 1, 10, 0.95);
  EXPECT_NEAR(known.interval.low, 2 - 2.2281388519862747, 1e-12);
  EXPECT_NEAR(known.p, 0.07338803, 1e-8);
  EXPECT_EQ(shift_with_known_variance(1, 0, 10, 0.95).p, 0);
}

TEST(Corrections, MatchHandComputedValues) {
  const std::array p{0.01, 0.04, 0.03, 0.005};
  // sorted 0.005 0.01 0.03 0.04; Holm: times 4, 3, 2, 1, then the running maximum
  const std::vector<double> holm = adjust_holm(p);
  EXPECT_DOUBLE_EQ(holm[3], 0.02);
  EXPECT_DOUBLE_EQ(holm[0], 0.03);
  EXPECT_DOUBLE_EQ(holm[2], 0.06);
  EXPECT_DOUBLE_EQ(holm[1], 0.06);
  // Benjamini-Hochberg: times 4/1, 4/2, 4/3, 4/4, then the running minimum from the end
  const std::vector<double> bh = adjust_benjamini_hochberg(p);
  EXPECT_DOUBLE_EQ(bh[3], 0.02);
  EXPECT_DOUBLE_EQ(bh[0], 0.02);
  EXPECT_DOUBLE_EQ(bh[2], 0.04);
  EXPECT_DOUBLE_EQ(bh[1], 0.04);
  EXPECT_TRUE(adjust_holm({}).empty());
  EXPECT_TRUE(adjust_benjamini_hochberg({}).empty());
  EXPECT_EQ(adjust_holm(std::array{0.9, 0.8})[0], 1);
}

// For n = 1 all weight is on the one value; for n = 2 and q = 0.5 symmetry halves it.
TEST(HarrellDavis, WeighsByTheBetaDistribution) {
  EXPECT_EQ(harrell_davis_quantile(std::array{7.0}, 0.9), 7);
  EXPECT_DOUBLE_EQ(*harrell_davis_quantile(std::array{1.0, 2.0}, 0.5), 1.5);
  // n = 3, q = 0.5: Beta(2, 2) has I_{1/3} = 3/9 - 2/27 = 7/27, so the weights are 7, 13, 7 / 27
  EXPECT_NEAR(*harrell_davis_quantile(std::array{0.0, 27.0, 27.0}, 0.5), 20, 1e-12);
  EXPECT_NEAR(*harrell_davis_quantile(std::array{0.0, 0.0, 27.0}, 0.5), 7, 1e-12);
  EXPECT_NEAR(*harrell_davis_quantile(std::array{-27.0, 0.0, 0.0}, 0.5), -7, 1e-12);
  EXPECT_FALSE(harrell_davis_quantile({}, 0.5));
  EXPECT_FALSE(harrell_davis_quantile(std::array{1.0}, 0));
}

TEST(HarrellDavis, CountedFormEqualsThePlainOne) {
  const std::vector<double> cumulative = harrell_davis_cumulative(6, 0.9);
  const std::array sorted{1.0, 4.0, 9.0};
  const std::array<std::uint32_t, 3> counts{2, 0, 4};
  const std::array expanded{1.0, 1.0, 9.0, 9.0, 9.0, 9.0};
  EXPECT_NEAR(weighted_quantile<std::uint32_t>(sorted, counts, cumulative),
              weighted_quantile(expanded, cumulative), 1e-14);
}

TEST(ProportionInterval, HasClosedFormsAtTheEnds) {
  EXPECT_EQ(proportion_interval(0, 10, 0.95).low, 0);
  EXPECT_NEAR(proportion_interval(0, 10, 0.95).high, 1 - std::pow(0.025, 0.1), 1e-12);
  EXPECT_EQ(proportion_interval(10, 10, 0.95).high, 1);
  EXPECT_EQ(proportion_interval(0, 0, 0.95).low, 0);
  EXPECT_EQ(proportion_interval(0, 0, 0.95).high, 1);
}

TEST(QuantileInterval, ExistsFromTheDocumentedCountsOn) {
  const auto exists = [](std::size_t n, double q) {
    std::vector<double> values(n);
    std::iota(values.begin(), values.end(), 0);
    return quantile_interval(values, q, 0.95).has_value();
  };
  EXPECT_FALSE(exists(5, 0.5));
  EXPECT_TRUE(exists(6, 0.5));
  EXPECT_FALSE(exists(35, 0.9));
  EXPECT_TRUE(exists(36, 0.9));
  EXPECT_FALSE(exists(71, 0.95));
  EXPECT_TRUE(exists(72, 0.95));
  EXPECT_FALSE(exists(367, 0.99));
  EXPECT_TRUE(exists(368, 0.99));
  EXPECT_FALSE(exists(0, 0.5));
}

// n = 10, median: P(B <= 1) = 11/1024 <= 0.025 < P(B <= 2), so the 2nd and the 9th value.
TEST(QuantileInterval, PicksTheOrderStatistics) {
  std::vector<double> values(10);
  std::iota(values.begin(), values.end(), 1);
  const auto interval = quantile_interval(values, 0.5, 0.95);
  EXPECT_EQ(interval->low, 2);
  EXPECT_EQ(interval->high, 9);
}

}  // namespace
}  // namespace notifier::analysis
