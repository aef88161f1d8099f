// SPDX-License-Identifier: MIT
// How many runs a comparison wants.
#pragma once

#include <cstddef>
#include <optional>

#include "analysis/compare/judge.hpp"

namespace notifier::analysis {

inline constexpr std::size_t kMostRuns = 200;  // a plan beyond is no plan

// Fewest runs a side with which the rank test can reach alpha / family_size at all.
std::size_t fewest_runs_for_level(double alpha, std::size_t family_size);

struct PowerQuestion {
  double spread = 0;  // standard deviation of the runs' log figures
  double effect = 0;  // log ratio to be found
  double margin = 0;  // log ratio that the interval must exclude
  double alpha = 0.05;
  double confidence = 0.95;
  std::size_t family_size = 1;
};

// Chance that `runs` runs a side of normal noise give a rank-test p <= alpha / family_size and an
// interval beyond the margin. By simulation with a fixed seed: standard error at most 0.016.
double power_of(const PowerQuestion& question, std::size_t runs);

// Fewest runs a side with at least this power; empty above kMostRuns.
std::optional<std::size_t> runs_for_power(const PowerQuestion& question, double power);

// Smallest log ratio that `runs` runs a side find with this power.
double detectable_effect(const PowerQuestion& question, std::size_t runs, double power);

// Further replicates a side until an undecided judgement can be expected to become clear; empty
// when it would need more than kMostRuns, that is when the effect is about as large as the margin.
std::optional<std::size_t> further_replicates(const Judgement& judgement,
                                              const JudgeOptions& options);

}  // namespace notifier::analysis
