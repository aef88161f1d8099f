// SPDX-License-Identifier: MIT
#include "harness/meter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace notifier {
namespace {

std::vector<MeterPoint> readings(double slope, double constant_ns) {
  std::vector<MeterPoint> points;
  for (const double hold_ns : meter_holds_ns(true)) {
    points.push_back({"pause", hold_ns, hold_ns, slope * hold_ns + constant_ns});
  }
  return points;
}

TEST(Meter, ARightMeterHasSlopeOneAndNoResidual) {
  const auto reports = judge_meter(readings(1, 2'000));
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_NEAR(reports[0].slope, 1, 1e-12);
  EXPECT_DOUBLE_EQ(reports[0].constant_ns, 2'000);
  EXPECT_NEAR(reports[0].residual_largest_ns, 0, 1e-6);
  EXPECT_TRUE(is_reliable(reports));
}

TEST(Meter, AMeterThatLosesTwoPercentIsUnreliable) {
  EXPECT_FALSE(is_reliable(judge_meter(readings(0.98, 2'000))));
}

TEST(Meter, NoiseAboveTheLimitIsUnreliable) {
  std::vector<MeterPoint> points = readings(1, 0);
  for (std::size_t i = 0; i < points.size(); ++i) {
    // 0, +150 µs, -150 µs in turn, of holds of length 0 as of the others.
    constexpr double kNoise_ns[] = {0, 150e3, -150e3};
    points[i].measured_ns += kNoise_ns[i / 2 % 3];
  }
  const auto reports = judge_meter(points);
  EXPECT_GT(reports[0].residual_median_ns, kMeterResidualLimit_ns);
  EXPECT_FALSE(is_reliable(reports));
}

TEST(Meter, OneLateHoldBendsNothing) {
  std::vector<MeterPoint> points = readings(1, 2'000);
  points.front().measured_ns += 4e6;  // of length 0
  points.back().measured_ns += 4e6;   // of the longest
  const auto reports = judge_meter(points);
  EXPECT_NEAR(reports[0].slope, 1, 1e-12);
  EXPECT_TRUE(is_reliable(reports));
  EXPECT_NEAR(reports[0].residual_largest_ns, 4e6, 1e-6);
}

TEST(Meter, LateHoldsAreToldFromAWrongRuler) {
  std::vector<MeterPoint> late = readings(1, 2'000);
  // Two of three of each length come 10 ms late: the median is late, the least is not.
  for (std::size_t i = late.size() / 3; i < late.size(); ++i) {
    late[i].measured_ns += 10e6 * (1 + static_cast<double>(i % 4));
  }
  const auto noisy = judge_meter(late);
  EXPECT_FALSE(noisy[0].reliable);
  EXPECT_NEAR(noisy[0].ruler_slope, 1, 1e-12);
  EXPECT_THAT(why_unreliable(noisy[0]), testing::StartsWith("noise, not the ruler"));
  const auto wrong = judge_meter(readings(0.98, 2'000));
  EXPECT_NEAR(wrong[0].ruler_slope, 0.98, 1e-12);
  EXPECT_THAT(why_unreliable(wrong[0]), testing::StartsWith("the ruler or"));
  EXPECT_EQ(why_unreliable(judge_meter(readings(1, 2'000))[0]), "");
}

TEST(Meter, NothingMeasuredIsNotReliable) {
  EXPECT_FALSE(is_reliable({}));
  EXPECT_FALSE(is_reliable(judge_meter(std::vector<MeterPoint>{{"pause", 0, 0, 10}})));
}

TEST(Meter, MethodsAreJudgedApart) {
  std::vector<MeterPoint> points = readings(1, 0);
  for (MeterPoint point : readings(1.2, 0)) {
    point.method = "userfaultfd";
    points.push_back(point);
  }
  const auto reports = judge_meter(points);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_TRUE(reports[0].reliable);
  EXPECT_FALSE(reports[1].reliable);
}

}  // namespace
}  // namespace notifier
