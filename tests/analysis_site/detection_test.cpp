// SPDX-License-Identifier: MIT
#include "analysis/change_points/detection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "analysis/change_points/sliding_rank.hpp"
#include "tests/analysis_site/series_generator.hpp"

namespace notifier::analysis {
namespace {

constexpr std::size_t kToleranceNights = 5;

struct Score {
  std::size_t found = 0;
  std::size_t missed = 0;
  std::size_t invented = 0;
  double f1() const {
    return 2.0 * static_cast<double>(found) / static_cast<double>(2 * found + missed + invented);
  }
};

// Each detected step may stand for one true one, and only in its direction's neighbourhood.
void add_to_score(const GeneratedSeries& series, Score& score) {
  std::vector<std::size_t> open = series.steps;
  for (const Step& step : detect(series.values).steps) {
    const auto match = std::find_if(open.begin(), open.end(), [&](std::size_t truth) {
      return std::max(truth, step.index) - std::min(truth, step.index) <= kToleranceNights;
    });
    if (match == open.end()) {
      ++score.invented;
    } else {
      ++score.found;
      open.erase(match);
    }
  }
  score.missed += open.size();
}

template <typename Generator>
Score score_of(Generator generate, std::size_t series_count, std::size_t nights) {
  Score score;
  for (std::size_t seed = 1; seed <= series_count; ++seed) {
    add_to_score(generate(seed, nights), score);
  }
  testing::Test::RecordProperty("found", static_cast<int>(score.found));
  testing::Test::RecordProperty("missed", static_cast<int>(score.missed));
  testing::Test::RecordProperty("invented", static_cast<int>(score.invented));
  return score;
}

TEST(Detection, FindsStepsUnderLognormalNoiseWithSpikes) {
  const Score score = score_of(make_lognormal_series, 60, 730);
  EXPECT_GT(score.found + score.missed, 200U);
  EXPECT_GE(score.f1(), 0.9) << score.found << " found, " << score.missed << " missed, "
                             << score.invented << " invented";
}

TEST(Detection, FindsStepsUnderNoiseItWasNotTunedOn) {
  const Score score = score_of(make_bimodal_series, 60, 730);
  EXPECT_GT(score.found + score.missed, 200U);
  EXPECT_GE(score.f1(), 0.9) << score.found << " found, " << score.missed << " missed, "
                             << score.invented << " invented";
}

std::vector<std::optional<double>> quiet_series(std::size_t nights, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::optional<double>> values;
  for (std::size_t i = 0; i < nights; ++i) {
    values.emplace_back(1000 * std::exp(0.01 * normal(random)));
  }
  return values;
}

TEST(Detection, UnchangedSeriesHaveFewSteps) {
  std::size_t steps = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    steps += detect(quiet_series(365, seed)).steps.size();
  }
  EXPECT_LE(steps, 4U);  // 200 years of nights
}

TEST(Detection, SpikeIsListedAsSpikeNotAsStep) {
  auto values = quiet_series(100, 3);
  for (const std::size_t night : {20U, 21U, 55U, 99U}) values[night] = 3000.0;
  const Detection detection = detect(values);
  EXPECT_TRUE(detection.steps.empty());
  EXPECT_EQ(detection.spikes, (std::vector<std::size_t>{20, 21, 55, 99}));
}

TEST(Detection, StepIsProvisionalForThreeToSixNightsThenConfirmed) {
  for (std::size_t after = 1; after <= 10; ++after) {
    auto values = quiet_series(60 + after, 5);
    for (std::size_t i = 60; i < values.size(); ++i) *values[i] *= 1.1;
    const Detection detection = detect(values);
    if (after < 3) {
      EXPECT_TRUE(detection.steps.empty()) << after;
      continue;
    }
    ASSERT_EQ(detection.steps.size(), 1U) << after;
    EXPECT_NEAR(detection.steps[0].log_ratio, std::log(1.1), 0.02);
    EXPECT_LE(detection.steps[0].index, 60 + (after < 7 ? 3U : 1U)) << after;
    if (after < 7) {
      EXPECT_EQ(detection.steps[0].certainty, Certainty::kProvisional) << after;
    }
    if (after > 8) {
      EXPECT_EQ(detection.steps[0].certainty, Certainty::kConfirmed) << after;
    }
  }
}

TEST(Detection, StepThatGoesBackAfterTenNightsIsTwoSteps) {
  auto values = quiet_series(200, 8);
  for (std::size_t i = 90; i < 100; ++i) *values[i] *= 1.3;
  const Detection detection = detect(values);
  ASSERT_EQ(detection.steps.size(), 2U);
  EXPECT_EQ(detection.steps[0].index, 90U);
  EXPECT_EQ(detection.steps[1].index, 100U);
  EXPECT_GT(detection.steps[0].log_ratio, 0);
  EXPECT_LT(detection.steps[1].log_ratio, 0);
}

TEST(Detection, GapIsNoStepAndKeepsTheNumberingOfNights) {
  auto values = quiet_series(120, 9);
  for (std::size_t i = 40; i < 60; ++i) values[i].reset();
  EXPECT_TRUE(detect(values).steps.empty());
  for (std::size_t i = 60; i < 120; ++i) *values[i] *= 1.2;
  const Detection detection = detect(values);
  ASSERT_EQ(detection.steps.size(), 1U);
  EXPECT_EQ(detection.steps[0].index, 60U);
}

TEST(Detection, SmallStepsBelowTheSmallestEffectAreIgnored) {
  auto values = quiet_series(600, 10);
  for (std::size_t i = 300; i < 600; ++i) *values[i] *= 1.01;
  EXPECT_TRUE(detect(values).steps.empty());
}

TEST(Detection, TooShortConstantAndEmptySeriesHaveNoSteps) {
  EXPECT_TRUE(detect({}).steps.empty());
  EXPECT_TRUE(detect(std::vector<std::optional<double>>(300)).steps.empty());
  EXPECT_TRUE(detect(std::vector<std::optional<double>>(300, 5.0)).steps.empty());
  EXPECT_TRUE(detect(std::vector<std::optional<double>>(300, 0.0)).steps.empty());
  for (std::size_t n = 1; n < 14; ++n) EXPECT_TRUE(detect(quiet_series(n, n)).steps.empty());
}

TEST(SlidingRank, AgreesWithThePairByPairCount) {
  Random random(4);
  std::vector<double> values;
  for (int i = 0; i < 90; ++i) values.push_back(static_cast<double>(random.below(25)));
  const std::vector<std::int16_t> ranks = dense_ranks(values);
  for (const auto& [left, right] : {std::pair{1, 1}, {1, 9}, {7, 3}, {20, 20}, {45, 45}}) {
    const auto n = static_cast<std::size_t>(left);
    const auto m = static_cast<std::size_t>(right);
    const std::vector<double> z = sliding_rank_z(ranks, n, m);
    ASSERT_EQ(z.size(), values.size() - n - m + 1);
    for (std::size_t split = n; split + m <= values.size(); ++split) {
      double excess = 0;
      for (std::size_t i = split - n; i < split; ++i) {
        for (std::size_t k = split; k < split + m; ++k) {
          excess += values[k] > values[i] ? 0.5 : (values[k] < values[i] ? -0.5 : 0);
        }
      }
      const double variance = left * right * (left + right + 1) / 12.0;
      EXPECT_NEAR(z[split - n], excess / std::sqrt(variance), 1e-12);
    }
  }
  EXPECT_TRUE(sliding_rank_z(ranks, 50, 41).empty());
}

TEST(SlidingRank, LargestWindowDoesNotOverflow) {
  std::vector<double> rising(2 * kLongestWindow);
  std::iota(rising.begin(), rising.end(), 0.0);
  const std::vector<double> z = sliding_rank_z(dense_ranks(rising), kLongestWindow, kLongestWindow);
  ASSERT_EQ(z.size(), 1U);
  const auto n = static_cast<double>(kLongestWindow);
  EXPECT_NEAR(z[0], n * std::sqrt(3 / (2 * n + 1)), 1e-9);
}

}  // namespace
}  // namespace notifier::analysis
