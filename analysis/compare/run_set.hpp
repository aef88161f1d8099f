// SPDX-License-Identifier: MIT
// What a comparison works on: runs of cases, wherever they were read from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/schema.hpp"

namespace notifier::analysis {

// One metric of one run of one case.
struct MetricValues {
  std::string metric;
  std::string unit;
  Better better = Better::kNone;
  bool headline = false;
  std::int64_t n = 0;
  std::optional<double> p50;  // as summary.csv has them
  std::optional<double> p90;
  std::optional<double> p99;
  std::optional<double> clock_residual_ns;
  std::vector<double> events;  // ascending; empty when only the summary is known
};

struct CaseRun {
  SummaryRow identity;        // names, sizes, outcome and violations; its statistics mean nothing
  std::size_t recording = 0;  // index into RunSet::recordings
  std::vector<MetricValues> metrics;  // ascending by name
};

struct RecordingInfo {
  std::string name;
  std::string machine;
  std::string source;  // the path that it was read from
  std::string started_utc;
  std::vector<std::string> command;
  std::optional<std::int64_t> seed;
  bool interrupted = false;
  // Settings by name; empty when no manifest was there to read.
  std::map<std::string, std::string> environment;
};

struct RunSet {
  std::vector<RecordingInfo> recordings;
  std::vector<CaseRun> runs;
};

inline const MetricValues* find_metric_values(const CaseRun& run, std::string_view metric) {
  for (const MetricValues& values : run.metrics) {
    if (values.metric == metric) return &values;
  }
  return nullptr;
}

}  // namespace notifier::analysis
