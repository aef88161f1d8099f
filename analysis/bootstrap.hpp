// SPDX-License-Identifier: MIT
// Bootstrap intervals of a difference of quantiles between two sides. The run is resampled, not the
// event, for events of one run are not independent of each other; the two-level form also resamples
// events within each drawn run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/shift.hpp"

namespace notifier::analysis {

struct BootstrapOptions {
  std::size_t resamples = 2000;
  double confidence = 0.95;
  std::uint64_t seed = 1;
};

// a and b hold one value per run (for example each run's Harrell-Davis p90 of log times). A side's
// figure is the Harrell-Davis median over its runs; the interval is for b's minus a's, between
// percentiles of the resamples. Both sides have at least one run.
Interval bootstrap_runs(std::span<const double> a, std::span<const double> b,
                        const BootstrapOptions& options);

// The side's figure that the interval above is about.
double median_of_runs(std::span<const double> run_values);

// The two-level form for several quantiles at once: sides are lists of runs, each the ascending
// values of its events, none empty. One interval per probability.
using SortedRuns = std::span<const std::vector<double>>;
std::vector<Interval> bootstrap_events(SortedRuns a, SortedRuns b,
                                       std::span<const double> probabilities,
                                       const BootstrapOptions& options);

}  // namespace notifier::analysis
