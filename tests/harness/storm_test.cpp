// SPDX-License-Identifier: MIT
#include "harness/storm.hpp"

#include <gtest/gtest.h>

namespace notifier {
namespace {

std::vector<StormPoint> points(const std::vector<std::pair<double, double>>& rates_and_shares) {
  std::vector<StormPoint> made;
  for (const auto& [rate, share] : rates_and_shares) {
    made.emplace_back().wanted_per_s = rate;
    made.back().work_share = share;
  }
  return made;
}

TEST(Storm, LivelockBeginsWhereNoHigherRateLeavesWork) {
  EXPECT_EQ(livelock_rate(points({{1, 1.0}, {10, 0.5}, {100, 0.0099}, {1000, 0}})), 100);
  EXPECT_EQ(livelock_rate(points({{1, 1.0}, {10, 0.001}, {100, 0.5}, {1000, 0.002}})), 1000);
  EXPECT_FALSE(livelock_rate(points({{1, 1.0}, {10, 0.001}, {100, 0.01}})));
  EXPECT_FALSE(livelock_rate({}));
}

TEST(Storm, PointsTravelWhole) {
  const StormPoint sent{10, 9.5, 0.25, 9, 8, 7, 6, 5};
  const StormPoint received = storm_point_from_json(to_json(sent));
  EXPECT_EQ(to_json(received), to_json(sent));
  EXPECT_EQ(received.faults, 5u);
}

}  // namespace
}  // namespace notifier
