// SPDX-License-Identifier: MIT
#include "analysis/compare/selection.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <stdexcept>

namespace notifier::analysis {
RunSet select_runs(const RunSet& runs,
                   const std::function<bool(const CaseRun&, const RecordingInfo&)>& fits) {
  RunSet selected;
  std::map<std::size_t, std::size_t> new_index;
  for (const CaseRun& run : runs.runs) {
    const RecordingInfo& recording = runs.recordings[run.recording];
    if (!fits(run, recording)) continue;
    const auto [entry, is_new] = new_index.try_emplace(run.recording, selected.recordings.size());
    if (is_new) selected.recordings.push_back(recording);
    selected.runs.push_back(run);
    selected.runs.back().recording = entry->second;
  }
  return selected;
}

std::vector<std::string> values_by_run(const RunSet& runs, const std::string& field) {
  const auto columns = summary_columns();
  const auto column = std::find_if(columns.begin(), columns.end(),
                                   [&](const auto& candidate) { return candidate.name == field; });
  std::vector<std::string> values;
  bool known = column != columns.end();
  for (const CaseRun& run : runs.runs) {
    if (column != columns.end()) {
      values.push_back(cell_text(*column, run.identity));
      continue;
    }
    const auto& environment = runs.recordings[run.recording].environment;
    const auto found = environment.find(field);
    known = known || found != environment.end();
    values.push_back(found == environment.end() ? "" : found->second);
  }
  if (!known) {
    throw std::invalid_argument("neither summary.csv nor a manifest has a field '" + field + "'");
  }
  return values;
}

RunSet runs_where(const RunSet& runs, const std::string& field,
                  const std::vector<std::string>& patterns) {
  const std::vector<std::string> values = values_by_run(runs, field);
  const auto matches = [](const std::string& pattern, const std::string& value) {
    return fnmatch(pattern.c_str(), value.c_str(), 0) == 0;
  };
  for (const std::string& pattern : patterns) {
    if (std::none_of(values.begin(), values.end(),
                     [&](const std::string& value) { return matches(pattern, value); })) {
      throw std::invalid_argument("no run has " + field + " '" + pattern + "'");
    }
  }
  return select_runs(runs, [&](const CaseRun& run, const RecordingInfo&) {
    const std::string& value = values[static_cast<std::size_t>(&run - runs.runs.data())];
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return matches(pattern, value); });
  });
}

void keep_metrics(RunSet& runs, const std::vector<std::string>& metrics) {
  if (metrics.empty()) return;
  for (CaseRun& run : runs.runs) {
    std::erase_if(run.metrics, [&](const MetricValues& values) {
      return std::find(metrics.begin(), metrics.end(), values.metric) == metrics.end();
    });
  }
}

}  // namespace notifier::analysis
