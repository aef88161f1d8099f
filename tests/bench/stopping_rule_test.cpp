// SPDX-License-Identifier: MIT
#include "bench/stopping_rule.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <vector>

namespace notifier {
namespace {

std::vector<double> one_to(std::size_t n) {
  std::vector<double> values(n);
  std::iota(values.begin(), values.end(), 1.0);
  return values;
}

TEST(MedianInterval, NeedsSixValues) {
  // 1 - 2 * 0.5^n >= 0.95 from n = 6 on.
  EXPECT_FALSE(median_interval(one_to(5)));
  const auto interval = median_interval(one_to(6));
  ASSERT_TRUE(interval);
  EXPECT_EQ(interval->low, 1);
  EXPECT_EQ(interval->high, 6);
}

TEST(MedianInterval, IsThatOfTheSignTest) {
  // Tables of the sign test at 95 %: n = 10 leaves one out on each side, n = 20 five, n = 50 17.
  const std::array<std::array<std::size_t, 2>, 3> known = {{{10, 1}, {20, 5}, {50, 17}}};
  for (const auto& [n, outside] : known) {
    const auto interval = median_interval(one_to(n));
    ASSERT_TRUE(interval);
    EXPECT_EQ(interval->low, static_cast<double>(outside + 1)) << n;
    EXPECT_EQ(interval->high, static_cast<double>(n - outside)) << n;
  }
}

TEST(Precision, IsHalfTheWidthOverTheMedian) {
  const PrecisionState state = precision_of(std::vector<double>{95, 96, 100, 100, 104, 105});
  EXPECT_DOUBLE_EQ(*state.relative(), 0.05);
  EXPECT_TRUE(state.reached(0.05));
  EXPECT_FALSE(state.reached(0.04));
  EXPECT_EQ(describe(state), "±5.0 % after 6 runs");
}

TEST(Precision, FewRunsReachNothing) {
  const PrecisionState state = precision_of(std::vector<double>{100, 100, 100});
  EXPECT_FALSE(state.reached(0.9));
  EXPECT_NE(describe(state).find("no interval"), std::string::npos);
  EXPECT_FALSE(precision_of({}).reached(0.9));
}

TEST(Precision, AShareIsPerCentOrAFraction) {
  EXPECT_DOUBLE_EQ(*parse_share("5%"), 0.05);
  EXPECT_DOUBLE_EQ(*parse_share("0.05"), 0.05);
  EXPECT_DOUBLE_EQ(*parse_share("2.5%"), 0.025);
  for (const char* text : {"", "%", "0", "0%", "5", "100%", "-5%", "5%%", "5 %", "x"}) {
    EXPECT_FALSE(parse_share(text)) << text;
  }
}

}  // namespace
}  // namespace notifier
