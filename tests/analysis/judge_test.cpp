// SPDX-License-Identifier: MIT
#include "analysis/compare/judge.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace notifier::analysis {
namespace {

std::vector<RunFigure> figures(const std::vector<double>& values, const std::string& boot = "b") {
  std::vector<RunFigure> result;
  for (const double value : values) result.push_back({boot, value});
  return result;
}

// One run in each of `count` boots.
std::vector<RunFigure> boots(const std::vector<double>& values, const std::string& prefix) {
  std::vector<RunFigure> result;
  for (const double value : values) {
    result.push_back({prefix + std::to_string(result.size()), value});
  }
  return result;
}

const std::vector<double> kFour = {100, 101, 102, 103};

TEST(Judge, ComparesRunsOfOneBootOnTheRatioScale) {
  JudgeInput input{figures(kFour), figures({200, 202, 204, 206}), {}, 0};
  const Judgement judgement = judge(input, {});
  EXPECT_EQ(judgement.scale, Scale::kRatio);
  EXPECT_EQ(judgement.replicate, Replicate::kRun);
  EXPECT_EQ(judgement.test, TestUsed::kRank);
  EXPECT_NEAR(judgement.effect, std::log(2), 1e-3);
  EXPECT_NEAR(judgement.interval->low, std::log(200.0 / 103), 1e-12);
  EXPECT_NEAR(judgement.interval->high, std::log(206.0 / 100), 1e-12);
  EXPECT_NEAR(judgement.margin, std::log(1.03), 1e-12);
  EXPECT_NEAR(*judgement.p, 2.0 / 70, 1e-12);
  EXPECT_EQ(judgement.dominance, 1);
  EXPECT_NEAR(judgement.old_figure, std::sqrt(101.0 * 102), 1e-9);
  EXPECT_TRUE(lies_above_margin(judgement));
  EXPECT_FALSE(lies_within_margin(judgement));
}

TEST(Judge, UsesDifferencesWhereAFigureIsZero) {
  JudgeInput input{figures({0, 0, 0, 0}), figures({2, 2, 2, 2}), {}, 0.5};
  const Judgement judgement = judge(input, {});
  EXPECT_EQ(judgement.scale, Scale::kAbsolute);
  EXPECT_EQ(judgement.effect, 2);
  EXPECT_EQ(judgement.margin, 0.5);
  EXPECT_TRUE(lies_above_margin(judgement));
}

// 20 ns of 1000 ns are 2 %, so the relative 3 % decide; of 100 ns they are 20 %.
TEST(Judge, TheAbsoluteFloorWidensTheMarginOfSmallFigures) {
  EXPECT_NEAR(judge({figures({1000, 1000}), figures({1000, 1000}), {}, 20}, {}).margin,
              std::log(1.03), 1e-12);
  EXPECT_NEAR(judge({figures({100, 100}), figures({100, 100}), {}, 20}, {}).margin, std::log(1.2),
              1e-12);
}

TEST(Judge, ShowsThatEqualSidesAreTheSame) {
  const Judgement judgement =
      judge({figures(kFour), figures(kFour), {}, 0}, {.minimum_effect = 0.05});
  EXPECT_EQ(judgement.effect, 0);
  EXPECT_TRUE(lies_within_margin(judgement));
}

TEST(Judge, NeedsFourAgainstFourForAnInterval) {
  const Judgement judgement = judge({figures({1, 2, 3}), figures({7, 8, 9}), {}, 0}, {});
  EXPECT_FALSE(judgement.interval);
  EXPECT_EQ(judgement.obstacle, Obstacle::kFewRuns);
}

TEST(Judge, OneBootASideIsNoEvidence) {
  const Judgement judgement =
      judge({figures(kFour, "old"), figures({200, 200, 200, 200}, "new"), {}, 0}, {});
  EXPECT_EQ(judgement.replicate, Replicate::kBoot);
  EXPECT_EQ(judgement.obstacle, Obstacle::kFewBoots);
  EXPECT_FALSE(judgement.p);
  EXPECT_FALSE(judgement.interval);
  EXPECT_NEAR(judgement.effect, std::log(2), 0.02);
}

TEST(Judge, BootsInEqualPartsOnBothSidesLeaveTheRunTheReplicate) {
  std::vector<RunFigure> old_runs = figures({100, 101}, "b1");
  std::vector<RunFigure> new_runs = figures({100, 102}, "b1");
  for (const RunFigure& figure : figures({105, 106}, "b2")) old_runs.push_back(figure);
  for (const RunFigure& figure : figures({105, 107}, "b2")) new_runs.push_back(figure);
  EXPECT_EQ(judge({old_runs, new_runs, {}, 0}, {}).replicate, Replicate::kRun);
  new_runs.push_back({"b2", 106});
  EXPECT_EQ(judge({old_runs, new_runs, {}, 0}, {}).replicate, Replicate::kBoot);
}

TEST(Judge, EnoughBootsAreRankedAndTheFamilyDecidesWhatIsEnough) {
  const JudgeInput input{
      boots({100, 101, 102, 103, 104}, "o"), boots({120, 121, 122, 123, 124}, "n"), {}, 0};
  const Judgement alone = judge(input, {});
  EXPECT_EQ(alone.test, TestUsed::kRank);
  EXPECT_NEAR(*alone.p, 2.0 / 252, 1e-12);
  // 2/252 cannot pass among 10 cases, but 8 degrees of freedom estimate the variance of boots
  EXPECT_EQ(judge(input, {.family_size = 10}).test, TestUsed::kBootVariance);
}

// Five boots on file with logs 0, 0, 0, 0 and x: known variance; one boot a side.
TEST(Judge, TakesTheVarianceOfBootsFromFile) {
  JudgeInput input{boots({100}, "o"), boots({110}, "n"), boots({98, 99, 100, 101, 102}, "f"), 0};
  const Judgement judgement = judge(input, {});
  EXPECT_EQ(judgement.test, TestUsed::kBootVariance);
  double mean = 0;
  for (const double value : {98., 99., 100., 101., 102.}) mean += std::log(value) / 5;
  double variance = 0;
  for (const double value : {98., 99., 100., 101., 102.}) {
    variance += std::pow(std::log(value) - mean, 2) / 4;
  }
  const double reach = 2.7764451051977987 * std::sqrt(2 * variance);  // t of 4 degrees, 97.5 %
  EXPECT_NEAR(judgement.interval->low, std::log(1.1) - reach, 1e-9);
  EXPECT_TRUE(lies_above_margin(judgement));
  input.boot_noise.pop_back();
  EXPECT_EQ(judge(input, {}).obstacle, Obstacle::kFewBoots);
}

// Boots whose medians happen to agree, with runs that do not: the runs' noise remains.
TEST(Judge, ALuckySmallBootVarianceIsLifted) {
  std::vector<RunFigure> noise;
  for (int boot = 0; boot < 6; ++boot) {
    for (const double value : {90.0, 100.0, 111.1}) noise.push_back({std::to_string(boot), value});
  }
  const Judgement judgement =
      judge({figures({90, 100, 111.1}, "o"), figures({93, 103, 114}, "n"), noise, 0}, {});
  EXPECT_EQ(judgement.test, TestUsed::kBootVariance);
  EXPECT_GT(judgement.interval->high - judgement.interval->low, 0.1);
}

TEST(Judge, UnequalSpreadsTakeTheLargerOfBothTests) {
  std::vector<double> narrow;
  std::vector<double> wide;
  for (int i = 0; i < 12; ++i) {
    narrow.push_back(100 + 0.01 * i);
    wide.push_back(60 + 9 * i);
  }
  const Judgement judgement = judge({figures(narrow), figures(wide), {}, 0}, {});
  EXPECT_GE(*judgement.p, 0.05);
  EXPECT_TRUE(judgement.test == TestUsed::kRank || judgement.test == TestUsed::kBrunnerMunzel);
}

}  // namespace
}  // namespace notifier::analysis
