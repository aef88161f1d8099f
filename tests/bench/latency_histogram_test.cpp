// SPDX-License-Identifier: MIT
#include "bench/latency_histogram.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace notifier {
namespace {

using analysis::Metric;

std::vector<analysis::SampleRow> stalls(std::size_t count, double stall_ns) {
  std::vector<analysis::SampleRow> samples(count);
  for (analysis::SampleRow& sample : samples) sample[Metric::kStall] = stall_ns;
  return samples;
}

TEST(HistogramBins, CoverEveryValueOnceAndEndInAnOverflow) {
  const auto bins = histogram_bins();
  EXPECT_EQ(bins.front().low_ns, 0);
  EXPECT_FALSE(bins.back().high_ns);
  for (std::size_t i = 0; i + 1 < bins.size(); ++i) {
    ASSERT_TRUE(bins[i].high_ns);
    EXPECT_LT(bins[i].low_ns, *bins[i].high_ns);
    EXPECT_EQ(*bins[i].high_ns, bins[i + 1].low_ns);
  }
}

TEST(HistogramBins, EachQuantumHasABinThatHoldsIt) {
  std::set<std::string> found;
  for (const HistogramBin& bin : histogram_bins()) {
    if (bin.quantum == nullptr) continue;
    found.insert(bin.quantum->name);
    EXPECT_LE(bin.low_ns, bin.quantum->duration_ns);
    ASSERT_TRUE(bin.high_ns);
    EXPECT_GT(*bin.high_ns, bin.quantum->duration_ns);
  }
  EXPECT_EQ(found.size(), known_quanta().size());
}

TEST(LatencyHistogram, NamesTheQuantumOfACase) {
  struct Expected {
    double stall_ns;
    const char* name;
  };
  for (const Expected& expected :
       {Expected{1.15e6, "1 ms"}, Expected{2.2e6, "2 ms"}, Expected{4.1e6, "4 ms"},
        Expected{10.4e6, "10 ms"}, Expected{1.004e9, "1 x 1000 ms"},
        Expected{4.005e9, "4 x 1000 ms"}, Expected{9.01e9, "9 x 1000 ms"}}) {
    LatencyHistogram histogram;
    histogram.add(stalls(20, expected.stall_ns));
    ASSERT_NE(histogram.sits_on(), nullptr) << expected.name;
    EXPECT_STREQ(histogram.sits_on()->name, expected.name);
    EXPECT_THAT(histogram.describe(), ::testing::HasSubstr(expected.name));
  }
}

TEST(LatencyHistogram, NamesNoneForOthersForFewAndForAMinority) {
  for (const double stall_ns : {3e3, 0.9e6, 1.5e6, 3e6, 20e6, 1.5e9, 30e9}) {
    LatencyHistogram histogram;
    histogram.add(stalls(20, stall_ns));
    EXPECT_EQ(histogram.sits_on(), nullptr) << stall_ns;
  }
  LatencyHistogram few;
  few.add(stalls(9, 1.1e6));
  EXPECT_EQ(few.sits_on(), nullptr);
  LatencyHistogram minority;
  minority.add(stalls(9, 1.1e6));
  minority.add(stalls(11, 0.5e6));
  EXPECT_EQ(minority.sits_on(), nullptr);
}

TEST(LatencyHistogram, ShamsAreCountedApartAndLongOnesOverflow) {
  LatencyHistogram histogram;
  std::vector<analysis::SampleRow> shams = stalls(3, 2e3);
  for (analysis::SampleRow& sham : shams) sham.kind = analysis::EventKind::kSham;
  histogram.add(shams);
  histogram.add(stalls(2, 60e9));
  EXPECT_EQ(histogram.events(), 2);
  const nlohmann::json bins = histogram.to_json();
  ASSERT_EQ(bins.size(), 2u);
  EXPECT_EQ(bins[0][3], 3);
  EXPECT_TRUE(bins[1][1].is_null());
  EXPECT_EQ(bins[1][2], 2);
  EXPECT_THAT(histogram.describe(), ::testing::HasSubstr("overflow"));
}

}  // namespace
}  // namespace notifier
