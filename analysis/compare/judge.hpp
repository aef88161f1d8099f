// SPDX-License-Identifier: MIT
// One figure of one series, old against new: how far apart, how sure, and what follows from that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/shift.hpp"

namespace notifier::analysis {

// A run's figure (its median, its p90, ...) and the boot that it belongs to; empty when unknown.
struct RunFigure {
  std::string boot_id;
  double value = 0;
};

struct JudgeInput {
  std::vector<RunFigure> old_runs;
  std::vector<RunFigure> new_runs;
  // Runs of one unchanged configuration over several boots, from which the variance between boots
  // is taken where the sides have too few boots of their own.
  std::vector<RunFigure> boot_noise;
  double absolute_floor = 0;  // differences up to this mean nothing, in the figure's unit
};

struct JudgeOptions {
  double alpha = 0.05;
  double confidence = 0.95;
  double minimum_effect = 0.03;  // relative
  std::size_t family_size = 1;   // decides whether a rank test of boots could ever be enough
};

enum class Scale : std::uint8_t { kRatio, kAbsolute };
enum class Replicate : std::uint8_t { kRun, kBoot };
enum class TestUsed : std::uint8_t { kNone, kRank, kBrunnerMunzel, kBootVariance };
enum class Obstacle : std::uint8_t { kNone, kFewRuns, kFewBoots };

struct Judgement {
  Scale scale = Scale::kRatio;  // effect, interval and margin are log ratios, or differences
  double old_figure = 0;        // medians of the replicates, in the figure's unit
  double new_figure = 0;
  double effect = 0;
  std::optional<Interval> interval;
  double margin = 0;
  std::optional<double> p;
  double smallest_p = 1;  // that the test could give for these counts
  double spread = 0;      // standard deviation of the replicates, pooled over the sides
  double dominance = 0;   // Cliff's delta
  TestUsed test = TestUsed::kNone;
  Replicate replicate = Replicate::kRun;
  Obstacle obstacle = Obstacle::kNone;
  std::size_t old_replicates = 0;
  std::size_t new_replicates = 0;
};

// At least four boots of freedom, so that one odd boot does not decide.
inline constexpr std::size_t kSmallestBootFreedom = 4;

// Both sides have at least one run.
Judgement judge(const JudgeInput& input, const JudgeOptions& options);

// Where the interval lies.
bool lies_above_margin(const Judgement& judgement);
bool lies_below_margin(const Judgement& judgement);
bool lies_within_margin(const Judgement& judgement);

std::string_view to_word(TestUsed test);
std::string_view to_word(Replicate replicate);

}  // namespace notifier::analysis
