// SPDX-License-Identifier: MIT
// From paths on a command line to a set of runs.
#pragma once

#include <string>
#include <vector>

#include "analysis/compare/run_set.hpp"

namespace notifier::analysis {

// Each input is a recording's folder, a folder with recordings somewhere below it, a summary.csv,
// samples.csv (with summary.csv beside it) or manifest.json, a file of Google Benchmark's CSV or
// JSON, or a glob of those. Files are read by several threads; the result does not depend on the
// order of the inputs. Throws InputError: nothing found, the same run twice, and any defect of a
// file.
RunSet read_inputs(const std::vector<std::string>& inputs, EventSet events);

// Appends, and refuses a recording that is there already.
void merge_runs(RunSet&& more, RunSet& runs);

}  // namespace notifier::analysis
