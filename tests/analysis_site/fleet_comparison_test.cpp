// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/fleet/fleet.hpp"
#include "tests/analysis_site/series_generator.hpp"

namespace notifier::fleet {
namespace {

using site::KeyTable;
using site::RecordingData;

constexpr std::size_t kCases = 20;
constexpr std::size_t kRuns = 10;

/// A fleet that ran `kCases` cases; `factor` says what GPU and case make of the usual 20 µs.
class Fleet {
 public:
  explicit Fleet(std::size_t gpus, const std::string& platform = "software") {
    tables_.resize(1);
    for (std::size_t gpu = 0; gpu < gpus; ++gpu) {
      RecordingData data;
      data.machine = "node" + std::to_string(gpu);
      data.platform = platform;
      recordings_.push_back(data);
    }
  }

  template <typename Factor>
  void measure(Factor factor) {
    for (std::size_t gpu = 0; gpu < recordings_.size(); ++gpu) {
      for (std::size_t number = 0; number < kCases; ++number) {
        for (std::uint32_t run = 0; run < kRuns; ++run) add(gpu, number, run, factor(gpu, number));
      }
    }
  }

  void add(std::size_t gpu, std::size_t number, std::uint32_t run, double factor) {
    KeyTable& table = tables_[0];
    site::CaseKey key;
    key.device = "GPU-" + std::to_string(gpu);
    key.case_name = "case" + std::to_string(number);
    table.cases.push_back(key);
    const auto case_key = static_cast<std::uint32_t>(table.cases.size() - 1);
    table.series.push_back({case_key, "stall_ns", "ns", analysis::Better::kLower});
    site::RunPoint point;
    point.series = case_key;
    point.run = run;
    point.headline = true;
    point.p50 = static_cast<float>(20'000 * factor);
    recordings_[gpu].points.push_back(point);
    recordings_[gpu].outcomes.push_back({case_key, run, analysis::Status::kOk, 0, 0});
  }

  FleetReport compare() const { return compare_fleet(recordings_, tables_, {}); }
  std::vector<RecordingData>& recordings() { return recordings_; }

 private:
  std::vector<RecordingData> recordings_;
  std::vector<KeyTable> tables_;
};

double noise(analysis::Random& random, double share) {
  return std::exp(share * analysis::normal(random));
}

TEST(Fleet, ScoresByHand) {
  // Medians 100, 110, 121, 200: logarithms of ratios to the middle of 110 and 121.
  const std::vector<GpuFigure> figures = {{0, {100}}, {1, {110}}, {2, {121}}, {3, {200}}};
  const double middle = (std::log(110.0) + std::log(121.0)) / 2;
  // Distances 0.143, 0.048, 0.048, 0.550: their median is the mean of the middle two.
  const double spread = 1.4826 * (std::log(121.0) - middle + middle - std::log(100.0)) / 2;
  const std::vector<double> scores = case_scores(figures, 0);
  EXPECT_NEAR(scores[0], (std::log(100.0) - middle) / spread, 1e-9);
  EXPECT_NEAR(scores[3], (std::log(200.0) - middle) / spread, 1e-9);
  // A larger spread that is common to the cases replaces it.
  EXPECT_NEAR(case_scores(figures, 1.0)[3], std::log(200.0) - middle, 1e-9);
}

TEST(Fleet, EqualGpusAreNotDividedByZero) {
  const std::vector<GpuFigure> figures = {{0, {100}}, {1, {100}}, {2, {106}}};
  EXPECT_NEAR(case_scores(figures, 0)[2], std::log(1.06) / 1e-6, 1e-3);
}

TEST(Fleet, LimitsOfStudentsT) {
  EXPECT_NEAR(outlier_limit(3, 3), 38.19, 0.01);  // scipy.stats.t.ppf(1 - 0.05 / 6, 1)
  EXPECT_NEAR(outlier_limit(8, 8), 5.89, 0.01);
  EXPECT_NEAR(outlier_limit(64, 64), 3.72, 0.01);
}

TEST(Fleet, UncertainRunsAreNotOdd) {
  const std::vector<GpuFigure> steady = {{0, {100, 100}}, {1, {101, 101}}, {2, {150, 150}}};
  const std::vector<GpuFigure> shaky = {{0, {100, 100}}, {1, {101, 101}}, {2, {100, 225}}};
  EXPECT_GT(case_scores(steady, 0)[2], 10);
  EXPECT_LT(case_scores(shaky, 0)[2], 2);
}

TEST(Fleet, OneSlowGpuOfThreeIsNamedByItsUuid) {
  analysis::Random random(3);
  Fleet fleet(3);
  fleet.measure(
      [&](std::size_t gpu, std::size_t) { return noise(random, 0.01) * (gpu == 1 ? 1.2 : 1.0); });
  const FleetReport report = fleet.compare();
  ASSERT_EQ(report.gpus.size(), 3u);
  EXPECT_TRUE(report.gpus[1].odd);
  EXPECT_NEAR(report.gpus[1].typical_ratio.value_or(0), 1.2, 0.03);
  EXPECT_FALSE(report.gpus[0].odd || report.gpus[2].odd);
  EXPECT_TRUE(report.gpus[0].odd_cases.empty());
  EXPECT_TRUE(report.any_odd());
  const std::string text = fleet_markdown(report, {});
  EXPECT_NE(text.find("| GPU-1 | node1 | software | 1 | 20 | +"), std::string::npos) << text;
  EXPECT_NE(text.find("**outlier: slower**"), std::string::npos) << text;
}

TEST(Fleet, OneCaseOfOneGpuIsNamed) {
  analysis::Random random(4);
  Fleet fleet(8);
  fleet.measure([&](std::size_t gpu, std::size_t number) {
    return noise(random, 0.01) * (gpu == 5 && number == 7 ? 1.6 : 1.0);
  });
  const FleetReport report = fleet.compare();
  for (std::size_t gpu = 0; gpu < 8; ++gpu) {
    EXPECT_FALSE(report.gpus[gpu].odd) << gpu;
    EXPECT_EQ(report.gpus[gpu].odd_cases.size(), gpu == 5 ? 1u : 0u) << gpu;
  }
  EXPECT_EQ(report.gpus[5].odd_cases[0].case_name, "case7");
  EXPECT_NEAR(report.gpus[5].odd_cases[0].ratio, 1.6, 0.05);
}

/// Campaigns in which somebody is called odd although all GPUs are drawn alike: each has its own
/// speed (2 %), each case its own deviation from that (1 %), each run its noise (2 %).
double false_alarms(std::size_t gpus, std::size_t campaigns) {
  std::size_t alarms = 0;
  for (std::uint64_t seed = 1; seed <= campaigns; ++seed) {
    analysis::Random random(seed);
    Fleet fleet(gpus);
    for (std::size_t gpu = 0; gpu < gpus; ++gpu) {
      const double speed = noise(random, 0.02);
      for (std::size_t number = 0; number < kCases; ++number) {
        const double of_case = speed * noise(random, 0.01);
        for (std::uint32_t run = 0; run < kRuns; ++run) {
          fleet.add(gpu, number, run, of_case * noise(random, 0.02));
        }
      }
    }
    alarms += fleet.compare().any_odd() ? 1 : 0;
  }
  return static_cast<double>(alarms) / static_cast<double>(campaigns);
}

// docs/fleet.md quotes these shares.
TEST(Fleet, AlikeGpusAreRarelyCalledOdd) {
  for (const std::size_t gpus : {3, 8, 32}) {
    const double share = false_alarms(gpus, 200);
    RecordProperty("false_alarms_of_" + std::to_string(gpus) + "_gpus", std::to_string(share));
    EXPECT_LE(share, 0.1) << gpus << " GPUs";
  }
}

TEST(Fleet, TwoGpusCannotBeJudged) {
  Fleet fleet(2);
  fleet.measure([](std::size_t gpu, std::size_t) { return gpu == 0 ? 1.0 : 3.0; });
  const FleetReport report = fleet.compare();
  EXPECT_TRUE(report.too_few);
  EXPECT_FALSE(report.any_odd());
  EXPECT_NE(fleet_markdown(report, {}).find("not compared"), std::string::npos);
}

TEST(Fleet, PlatformsAreKeptApart) {
  Fleet fleet(4);
  fleet.measure([](std::size_t gpu, std::size_t) { return gpu == 3 ? 9.0 : 1.0; });
  fleet.recordings()[3].platform = "kvm";
  const FleetReport report = fleet.compare();
  EXPECT_FALSE(report.any_odd());
  EXPECT_EQ(report.cases_compared, kCases);
}

TEST(Fleet, UnreadableRecordingsAndHostileNamesAreText) {
  Fleet fleet(3);
  fleet.measure([](std::size_t, std::size_t) { return 1.0; });
  fleet.recordings()[0].machine = "a|b<script>\nx";
  RecordingData broken;
  broken.folder = "node9/x";
  broken.problem = "summary.csv:3: wrong number of fields";
  fleet.recordings().push_back(broken);
  const FleetReport report = fleet.compare();
  ASSERT_EQ(report.gpus.size(), 3u);
  const std::string text = fleet_markdown(report, {});
  EXPECT_NE(text.find("a\\|b\\<script> x"), std::string::npos) << text;
  EXPECT_NE(text.find("Not read: node9/x: summary.csv:3"), std::string::npos) << text;
}

}  // namespace
}  // namespace notifier::fleet
