// SPDX-License-Identifier: MIT
#include "analysis/compare/google_benchmark_runs.hpp"

#include <algorithm>
#include <utility>

namespace notifier::analysis {
namespace {

void add_metric(CaseRun& run, MetricValues values, double value) {
  values.n = 1;
  values.p50 = value;
  run.metrics.push_back(std::move(values));
}

}  // namespace

GoogleBenchmarkRuns::GoogleBenchmarkRuns(const std::string& file_name) {
  RecordingInfo& recording = runs_.recordings.emplace_back();
  recording.name = file_name;
  recording.source = file_name;
  recording.machine = "unknown";
}

CaseRun& GoogleBenchmarkRuns::add_run(const std::string& name) {
  CaseRun& run = runs_.runs.emplace_back();
  run.identity.recording = recording().name;
  run.identity.platform = "google_benchmark";
  run.identity.case_name = name;
  run.identity.run = repetitions_[name]++;
  return run;
}

std::optional<double> GoogleBenchmarkRuns::nanoseconds_per(std::string_view time_unit) {
  if (time_unit == "ns") return 1;
  if (time_unit == "us") return 1e3;
  if (time_unit == "ms") return 1e6;
  if (time_unit == "s") return 1e9;
  return std::nullopt;
}

void GoogleBenchmarkRuns::add_time(CaseRun& run, const std::string& metric, double value_ns) {
  MetricValues values;
  values.metric = metric;
  values.unit = "ns";
  values.better = Better::kLower;
  values.headline = metric == "real_time";
  add_metric(run, std::move(values), value_ns);
}

void GoogleBenchmarkRuns::add_counter(CaseRun& run, const std::string& name, double value) {
  MetricValues values;
  values.metric = name;
  values.unit = name.ends_with("_per_second") ? "1/s" : "count";
  values.better = name.ends_with("_per_second") ? Better::kHigher : Better::kNone;
  add_metric(run, std::move(values), value);
}

RunSet GoogleBenchmarkRuns::take() {
  for (CaseRun& run : runs_.runs) {
    run.identity.machine = recording().machine;
    std::sort(run.metrics.begin(), run.metrics.end(),
              [](const MetricValues& a, const MetricValues& b) { return a.metric < b.metric; });
  }
  return std::move(runs_);
}

}  // namespace notifier::analysis
