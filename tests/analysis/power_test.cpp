// SPDX-License-Identifier: MIT
#include "analysis/compare/power.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace notifier::analysis {
namespace {

// 2 / C(2n, n): 2/70 at 4, 2/252 at 5, 2/12870 at 8, 2/48620 at 9, 2/184756 at 10.
TEST(Power, TheFamilySetsTheFewestRuns) {
  EXPECT_EQ(fewest_runs_for_level(0.05, 1), 4u);
  EXPECT_EQ(fewest_runs_for_level(0.05, 2), 5u);
  EXPECT_EQ(fewest_runs_for_level(0.05, 500), 9u);
  EXPECT_EQ(fewest_runs_for_level(0.05, 2000), 10u);
}

PowerQuestion question(double spread, double effect) {
  PowerQuestion asked;
  asked.spread = spread;
  asked.effect = std::log1p(effect);
  asked.margin = std::log1p(0.03);
  return asked;
}

TEST(Power, GrowsWithRunsAndEffectAndFallsWithNoise) {
  EXPECT_LT(power_of(question(0.02, 0.05), 6), power_of(question(0.02, 0.05), 20));
  EXPECT_LT(power_of(question(0.02, 0.05), 10), power_of(question(0.02, 0.08), 10));
  EXPECT_GT(power_of(question(0.01, 0.05), 10), power_of(question(0.02, 0.05), 10));
  EXPECT_EQ(power_of(question(0.01, 0.05), 3), 0);  // no interval
}

TEST(Power, OfNoEffectIsTheErrorOfTheTest) {
  PowerQuestion asked = question(0.01, 0);
  asked.margin = 0;
  EXPECT_LT(power_of(asked, 10), 0.06);
}

TEST(Power, RunsForPowerReachItAndOneLessDoesNot) {
  const PowerQuestion asked = question(0.02, 0.05);
  const auto runs = runs_for_power(asked, 0.9);
  ASSERT_TRUE(runs);
  EXPECT_GE(power_of(asked, *runs), 0.9);
  EXPECT_LT(power_of(asked, *runs - 1), 0.9);
}

TEST(Power, AnEffectBelowTheMarginIsNeverFound) {
  EXPECT_FALSE(runs_for_power(question(0.001, 0.02), 0.9));
  EXPECT_FALSE(runs_for_power(question(0.5, 0.04), 0.9));
}

TEST(Power, DetectableEffectIsFound) {
  PowerQuestion asked = question(0.01, 0);
  const double effect = detectable_effect(asked, 10, 0.9);
  asked.effect = effect;
  EXPECT_GE(power_of(asked, 10), 0.9);
  EXPECT_GT(effect, asked.margin);
  EXPECT_TRUE(std::isinf(detectable_effect(asked, 3, 0.9)));
}

Judgement undecided(double effect, double low, double high) {
  Judgement judgement;
  judgement.effect = effect;
  judgement.margin = 0.03;
  judgement.interval = Interval{low, high};
  judgement.old_replicates = 10;
  judgement.new_replicates = 10;
  return judgement;
}

// Half width 0.04, distance to the margin 0.02: four times as many runs, 30 more.
TEST(FurtherReplicates, FollowFromTheIntervalsWidth) {
  EXPECT_EQ(further_replicates(undecided(0.05, 0.01, 0.09), {}), 30u);
  EXPECT_EQ(further_replicates(undecided(0.01, -0.03, 0.05), {}), 30u);
  EXPECT_FALSE(further_replicates(undecided(0.03, -0.01, 0.07), {}));
}

TEST(FurtherReplicates, WithoutAnIntervalAreTheFewestPossible) {
  Judgement judgement;
  judgement.old_replicates = 1;
  judgement.new_replicates = 3;
  EXPECT_EQ(further_replicates(judgement, {}), 3u);
}

}  // namespace
}  // namespace notifier::analysis
