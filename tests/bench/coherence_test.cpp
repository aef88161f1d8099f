// SPDX-License-Identifier: MIT
#include "bench/coherence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace notifier {
namespace {

using analysis::Metric;

analysis::SampleRow evicted(const char* flags = "") {
  analysis::SampleRow sample;
  sample[Metric::kStall] = 1.20e6;
  sample[Metric::kDriverStall] = 1.19e6;
  sample[Metric::kStopToRestore] = 1.1e6;
  sample.flags = flags;
  return sample;
}

TEST(Coherence, CountsUntaintedEventsThatHaveAnEviction) {
  CoherenceCount count;
  analysis::SampleRow without;
  without[Metric::kStall] = 2e3;
  analysis::SampleRow sham = evicted();
  sham.kind = analysis::EventKind::kSham;
  count.add(std::vector{evicted(), evicted("below_floor"), evicted("incoherent"), without, sham});
  count.add(std::vector{evicted("lost_cpu incoherent"), evicted("lost_cpu")});
  const nlohmann::json entry = count.to_json();
  EXPECT_EQ(entry.at("events"), 6);
  EXPECT_EQ(entry.at("decomposed"), 5);
  EXPECT_EQ(entry.at("checked"), 3);
  EXPECT_EQ(entry.at("incoherent"), 1);
  EXPECT_DOUBLE_EQ(entry.at("share_agreeing"), 2.0 / 3);
  EXPECT_NEAR(entry.at("largest_difference_ns"), 10e3, 1);
  EXPECT_THAT(count.describe(), ::testing::HasSubstr("2 of 3"));
}

TEST(Coherence, WithoutAnEvictionTheShareIsUndefined) {
  CoherenceCount count;
  count.add(std::vector{analysis::SampleRow{}});
  EXPECT_TRUE(count.to_json().at("share_agreeing").is_null());
  EXPECT_EQ(count.describe(), "");
}

}  // namespace
}  // namespace notifier
