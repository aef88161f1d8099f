// SPDX-License-Identifier: MIT
// Parts of a set of runs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "analysis/compare/run_set.hpp"

namespace notifier::analysis {

// Keeps the runs that fit and the recordings that still have any.
RunSet select_runs(const RunSet& runs,
                   const std::function<bool(const CaseRun&, const RecordingInfo&)>& fits);

// A column of summary.csv by its name, or a setting of the manifest's environment. Throws
// std::invalid_argument when no run has it.
std::vector<std::string> values_by_run(const RunSet& runs, const std::string& field);

// The runs whose value of `field` matches one of the patterns (* and ? as in a shell). Throws
// std::invalid_argument for a pattern that no run matches, too.
RunSet runs_where(const RunSet& runs, const std::string& field,
                  const std::vector<std::string>& patterns);

// Drops metrics that are not named; all stay when `metrics` is empty.
void keep_metrics(RunSet& runs, const std::vector<std::string>& metrics);

}  // namespace notifier::analysis
