// SPDX-License-Identifier: MIT
#include "harness/format.hpp"

#include <gtest/gtest.h>

namespace notifier {
namespace {

TEST(Duration, TakesTheUnitInWhichItReads) {
  EXPECT_EQ(format_duration(std::nullopt), "-");
  EXPECT_EQ(format_duration(0), "0 ns");
  EXPECT_EQ(format_duration(850), "850 ns");
  EXPECT_EQ(format_duration(999.4), "999 ns");
  EXPECT_EQ(format_duration(999.6), "1.00 µs");
  EXPECT_EQ(format_duration(4'310'000), "4.31 ms");
  EXPECT_EQ(format_duration(43'120'000), "43.1 ms");
  EXPECT_EQ(format_duration(431'200'000), "431 ms");
  EXPECT_EQ(format_duration(1.2e9), "1.20 s");
  EXPECT_EQ(format_duration(-2'500), "-2.50 µs");
}

TEST(Clock, ShowsMinutesAndHours) {
  EXPECT_EQ(format_clock(0), "0:00");
  EXPECT_EQ(format_clock(65), "1:05");
  EXPECT_EQ(format_clock(3723), "1:02:03");
}

}  // namespace
}  // namespace notifier
