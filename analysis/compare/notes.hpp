// SPDX-License-Identifier: MIT
// Sentences about the data that no row can say.
#pragma once

#include <string>
#include <vector>

#include "analysis/compare/pairing.hpp"
#include "analysis/compare/run_set.hpp"

namespace notifier::analysis {

// Interrupted recordings, sides recorded one after the other in one boot, missing manifests.
std::vector<std::string> describe_data(const RunSet& old_runs, const RunSet& new_runs);

// The shell line that measures the case again, from the command of the new side's recording.
std::string reproducing_command(const CasePair& pair);

}  // namespace notifier::analysis
