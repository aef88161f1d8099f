// SPDX-License-Identifier: MIT
// The rows of a case that are about its outcome and not about a metric.
#pragma once

#include <vector>

#include "analysis/compare/comparison.hpp"
#include "analysis/compare/pairing.hpp"

namespace notifier::analysis {

// Violations on the new side, status changes, and cases that one side lacks or that did not run.
// Verdict and gate are final.
std::vector<Row> judge_outcome(const CasePair& pair);

}  // namespace notifier::analysis
