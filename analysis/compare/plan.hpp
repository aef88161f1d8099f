// SPDX-License-Identifier: MIT
// From existing runs: how many runs a side find a given change of each case, and how long that
// takes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "analysis/compare/comparison.hpp"
#include "analysis/compare/run_set.hpp"

namespace notifier::analysis {

struct PlanOptions {
  CompareOptions compare;
  double effect = 0.05;  // relative, to be found
  double power = 0.9;
};

struct PlanRow {
  std::string machine;
  std::string case_name;
  std::string metric;
  std::size_t runs = 0;  // that the noise was learned from
  std::size_t boots = 0;
  // Upper 80 % limit of the standard deviation of the runs' logs, relative: a plan on the plain
  // estimate would be too short every other time.
  std::optional<double> run_noise;
  std::optional<double> boot_noise;  // the same between boots
  std::optional<std::size_t> runs_needed;
  std::optional<double> detectable;  // relative effect that the runs at hand find
  std::optional<double> seconds_per_run;
  std::string reason;  // when nothing can be said
};

struct Plan {
  std::vector<PlanRow> rows;
  std::size_t family_size = 0;
  // Both sides together, each case with the runs it needs; cases without an answer left out.
  double total_seconds = 0;
};

Plan make_plan(const RunSet& runs, const PlanOptions& options);
std::string plan_report(const Plan& plan, const PlanOptions& options);
std::string plan_csv(const Plan& plan);

}  // namespace notifier::analysis
