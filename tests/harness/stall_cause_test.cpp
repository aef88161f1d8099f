// SPDX-License-Identifier: MIT
#include "harness/stall_cause.hpp"

#include <gtest/gtest.h>

#include "analysis/flags.hpp"

namespace notifier {
namespace {

using analysis::Metric;

TEST(StallCause, NamesTheLongestPartWithItsShareAndPages) {
  Case measured;
  measured.size_bytes = 64 << 20;
  analysis::SampleRow sample;
  sample[Metric::kStall] = 40e6;
  sample[Metric::kStopToRestore] = 38e6;
  sample[Metric::kRestoreToProgress] = 2e6;
  const std::string words = describe_stall(measured, sample);
  EXPECT_NE(words.find("95 %"), std::string::npos) << words;
  EXPECT_NE(words.find("16384 pages"), std::string::npos) << words;
}

TEST(StallCause, IsAsFineAsTheDriverTells) {
  Case measured;
  measured.size_bytes = 64 << 10;
  analysis::SampleRow sample;
  sample[Metric::kStall] = 10e6;
  sample[Metric::kStopToRestore] = 9e6;
  sample[Metric::kNotifier] = 6e6;
  sample[Metric::kRestoreDelay] = 1e6;
  sample[Metric::kRevalidation] = 2e6;
  sample[Metric::kRestoreToProgress] = 1e6;
  ASSERT_EQ(stall_parts(sample).size(), 4u);
  EXPECT_EQ(longest_part(sample)->metric, Metric::kNotifier);
  const std::string words = describe_stall(measured, sample);
  EXPECT_NE(words.find("60 % (6.00 ms) is notifier"), std::string::npos) << words;
  EXPECT_EQ(words.find("pages"), std::string::npos) << words;
}

TEST(StallCause, SaysWhenNothingWasEvicted) {
  analysis::SampleRow sample;
  sample[Metric::kStall] = 2e6;
  analysis::add_flag(sample.flags, "lost_cpu");
  const std::string words = describe_stall(Case{}, sample);
  EXPECT_NE(words.find("no eviction"), std::string::npos) << words;
  EXPECT_NE(words.find("CPU"), std::string::npos) << words;
}

}  // namespace
}  // namespace notifier
