// SPDX-License-Identifier: MIT
// The rows of one metric of one case: its median, its tail and, where it is quantised, its shape.
#pragma once

#include <string>
#include <vector>

#include "analysis/compare/comparison.hpp"
#include "analysis/compare/pairing.hpp"

namespace notifier::analysis {

// Tail quantiles are judged where every run has enough events for a 95 % interval of its own.
inline constexpr std::int64_t kSmallestCountForP90 = 36;

// Verdicts and corrected p are still open, except for rows that are not comparable. Empty for a
// metric without a direction.
std::vector<Row> judge_series(const CasePair& pair, const std::string& metric,
                              const CompareOptions& options);

// A row that only identifies its case.
Row make_case_row(const CasePair& pair);

}  // namespace notifier::analysis
