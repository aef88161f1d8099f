// SPDX-License-Identifier: MIT
// Old against new as a whole: rows, corrections for their number, verdicts and the gate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/compare/environment.hpp"
#include "analysis/compare/judge.hpp"
#include "analysis/compare/run_set.hpp"
#include "analysis/occupancy.hpp"

namespace notifier::analysis {

// kAuto: resampling runs, and events within runs too where the interval's end is near the margin.
enum class BootstrapLevel : std::uint8_t { kAuto, kRuns, kEvents };

struct CompareOptions {
  JudgeOptions judge;
  std::size_t resamples = 2000;
  BootstrapLevel bootstrap = BootstrapLevel::kAuto;
  // Differences of metrics that one clock stamps; two ticks of a 100 MHz device counter. Metrics
  // between several clocks use the residual of their correlation instead.
  double floor_ns = 20;
  bool force = false;               // compare in spite of undeclared differences
  std::vector<std::string> varied;  // what --vary and --by declared
};

enum class Verdict : std::uint8_t {
  kBroken,  // a violation, or a case that no longer runs
  kWorse,
  kBetter,
  kRepaired,  // a case that runs again
  kUndecided,
  kNotComparable,
  kSame,
};

// What the row means for the exit code. Only headline medians, violations and status changes count.
enum class Gate : std::uint8_t { kNotCounted, kRegression, kImprovement, kSame, kUndecided };

struct Row {
  std::string machine;
  std::string device;
  std::string case_name;
  std::string metric;     // empty for status and violations
  std::string statistic;  // p50, p90, p99, shape, status, violations
  std::string unit;
  Better better = Better::kLower;
  bool headline = false;
  std::size_t old_runs = 0;
  std::size_t new_runs = 0;
  std::size_t old_boots = 0;
  std::size_t new_boots = 0;
  std::int64_t old_events = 0;
  std::int64_t new_events = 0;
  std::optional<Judgement> judgement;          // of p50, p90 and p99
  std::optional<Interval> quantile_bootstrap;  // p50 rows: of the Harrell-Davis median, besides
  std::string interval_kind;                   // rank, t, bootstrap_runs or bootstrap_events
  std::optional<OccupancyChange> occupancy;    // of shape
  std::optional<double> p;
  std::optional<double> q;       // Benjamini-Hochberg over all rows with a p
  std::optional<double> p_gate;  // Holm over the headline medians
  Verdict verdict = Verdict::kUndecided;
  Gate gate = Gate::kNotCounted;
  std::string reason;
  std::optional<std::size_t> further;  // replicates a side until an undecided row may become clear
  std::string command;                 // that measures this row again
};

struct Comparison {
  std::vector<EnvironmentDifference> environment;
  std::vector<std::string> notes;  // about the data as a whole
  std::vector<Row> rows;           // most relevant first
  std::size_t report_family = 0;   // tests that q is corrected for
  std::size_t gate_family = 0;     // tests that p_gate is corrected for
  bool refused = false;            // undeclared differences: rows are empty
};

// Runs of more boots than the sides have may be given as boot_noise.
Comparison compare(const RunSet& old_runs, const RunSet& new_runs, const RunSet& boot_noise,
                   const CompareOptions& options);

struct Outcome {
  std::size_t regressions = 0;
  std::size_t improvements = 0;
  std::size_t same = 0;
  std::size_t undecided = 0;
  std::size_t not_comparable = 0;
};
Outcome count_gate(const Comparison& comparison);

// Design §8: 0, 1 regression, 3 not comparable, or undecided with `strict`.
int exit_code(const Comparison& comparison, bool strict);
// For `git bisect run`: 0 same or faster, 1 slower or violation, 125 cannot say.
int bisect_exit_code(const Comparison& comparison);

std::string_view to_word(Verdict verdict, std::string_view unit);
std::string_view to_word(Gate gate);

}  // namespace notifier::analysis
