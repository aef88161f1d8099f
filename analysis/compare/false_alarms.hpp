// SPDX-License-Identifier: MIT
// A/A: compares runs of one configuration with each other, again and again, and counts what the
// tool takes for a change.
#pragma once

#include <cstddef>
#include <string>

#include "analysis/compare/comparison.hpp"
#include "analysis/compare/run_set.hpp"
#include "analysis/shift.hpp"

namespace notifier::analysis {

struct FalseAlarms {
  std::size_t splits = 0;
  std::size_t splits_with_gate_alarm = 0;    // regression or improvement
  std::size_t splits_with_report_alarm = 0;  // any row slower, faster, ...
  std::size_t rows = 0;                      // judged, over all splits
  std::size_t rows_alarmed = 0;
  std::size_t rows_same = 0;
  Interval gate_rate;    // 95 % interval
  std::string split_by;  // "run" within each boot, or "boot"
};

// Splits the runs at random into halves: within each boot, or by boot where there are at least
// eight. Throws std::invalid_argument when there are fewer than four runs of every case.
FalseAlarms measure_false_alarms(const RunSet& runs, const CompareOptions& options,
                                 std::size_t splits, std::uint64_t seed);

std::string false_alarms_report(const FalseAlarms& alarms);

}  // namespace notifier::analysis
