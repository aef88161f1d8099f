// SPDX-License-Identifier: MIT
// Intervals that need nothing but counting.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "analysis/shift.hpp"

namespace notifier::analysis {

// Clopper and Pearson's interval of a probability, from `hits` in `trials`. [0, 1] for no trials.
Interval proportion_interval(std::size_t hits, std::size_t trials, double confidence);

// Two-sided interval of a quantile between two order statistics; undefined when n is too small for
// one with finite ends (95 %: 6 for the median, 36 for p90, 72 for p95, 368 for p99).
std::optional<Interval> quantile_interval(std::span<const double> values, double probability,
                                          double confidence);

}  // namespace notifier::analysis
