// SPDX-License-Identifier: MIT
// From the samples of one run of one case to its rows of summary.csv.
#pragma once

#include <span>
#include <vector>

#include "analysis/metrics.hpp"
#include "analysis/schema.hpp"

namespace notifier::analysis {

// A metric that a run has once, such as its calibrated iteration time.
struct RunValue {
  Metric metric;
  double value;
};

// `identity` carries everything that does not follow from the samples: names, sizes, status,
// reason, run flags, violations, start and duration; what follows from the samples is ignored.
// `samples` are the events of that case and run. Rows come per event set (all; unflagged, only if
// some event is tainted; sham, only if there are any), then per metric in the order of
// all_metrics(). Without any value there is one row, with no metric.
std::vector<SummaryRow> summarize_run(const SummaryRow& identity,
                                      std::span<const SampleRow> samples,
                                      std::span<const RunValue> run_values = {});

}  // namespace notifier::analysis
