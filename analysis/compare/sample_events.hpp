// SPDX-License-Identifier: MIT
// Reads samples.csv for its metrics only. RowReader would do, but files have millions of rows, of
// which a comparison needs a few cells each.
#pragma once

#include <array>
#include <cstddef>
#include <istream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/compare/run_set.hpp"

namespace notifier::analysis {

class SampleEventLoader {
 public:
  // Appends to the events of runs that `runs` holds already.
  SampleEventLoader(std::istream& in, std::string file_name, EventSet events, RunSet& runs);
  void load();

 private:
  // The run that the current line belongs to.
  struct Target {
    std::array<MetricValues*, kEventMetricCount> metrics{};
    std::vector<bool> seen;  // by event number
  };

  using Fields = std::vector<std::string_view>;

  void read_header();
  void read_event(const Fields& fields);
  Target& find_target(const Fields& fields);
  void finish(const CaseRun& run, MetricValues& values) const;
  void read_metrics(const Fields& fields, Target& target);
  std::size_t required(std::string_view name) const;

  CsvReader csv_;
  EventSet events_;
  RunSet& runs_;
  std::map<std::string, std::size_t, std::less<>> columns_;
  std::vector<std::pair<std::size_t, std::size_t>> metric_columns_;  // field, metric
  std::size_t column_count_ = 0;
  std::size_t recording_ = 0;
  std::size_t case_name_ = 0;
  std::size_t run_ = 0;
  std::size_t event_ = 0;
  std::size_t kind_ = 0;
  std::size_t flags_ = 0;
  std::map<std::string, std::size_t, std::less<>> run_index_;  // by the three cells' text
  std::map<std::size_t, Target> targets_;
  std::string current_key_;
  std::string key_;
  Target* current_ = nullptr;
};

}  // namespace notifier::analysis
