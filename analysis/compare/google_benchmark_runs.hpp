// SPDX-License-Identifier: MIT
// What both formats of Google Benchmark have in common.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "analysis/compare/run_set.hpp"

namespace notifier::analysis {

class GoogleBenchmarkRuns {
 public:
  explicit GoogleBenchmarkRuns(const std::string& file_name);

  RecordingInfo& recording() { return runs_.recordings.front(); }

  // The next repetition of the named benchmark.
  CaseRun& add_run(const std::string& name);

  // Factor to nanoseconds; empty for an unknown unit.
  static std::optional<double> nanoseconds_per(std::string_view time_unit);

  static void add_time(CaseRun& run, const std::string& metric, double value_ns);
  // Rates are better when higher; of other counters nobody says which direction is good.
  static void add_counter(CaseRun& run, const std::string& name, double value);

  RunSet take();

 private:
  RunSet runs_;
  std::map<std::string, std::int64_t> repetitions_;
};

}  // namespace notifier::analysis
