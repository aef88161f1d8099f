// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include "analysis/compare/comparison.hpp"

namespace notifier::analysis {

// Share of events that must have moved to another value before a quantised metric counts as
// changed.
inline constexpr double kSmallestShareChange = 0.05;

// From figures and corrected p to verdict, gate, reason and the number of further runs. Rows whose
// verdict does not rest on a test are left alone.
void decide(Row& row, const JudgeOptions& options, std::size_t report_family);

}  // namespace notifier::analysis
