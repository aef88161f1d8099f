// SPDX-License-Identifier: MIT
#include "analysis/compare/read_recording.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "analysis/compare/sample_events.hpp"
#include "analysis/files.hpp"
#include "analysis/flags.hpp"
#include "analysis/manifest.hpp"

namespace notifier::analysis {
namespace {

class SummaryLoader {
 public:
  SummaryLoader(std::istream& in, const std::string& file_name, EventSet events, RunSet& runs)
      : reader_(summary_columns(), in, file_name), events_(events), runs_(runs) {}

  void load() {
    SummaryRow row;
    while (reader_.next(row)) {
      check(row);
      if (row.events == EventSet::kAll || row.events == events_) add(row);
    }
    for (CaseRun& run : runs_.runs) {
      std::sort(run.metrics.begin(), run.metrics.end(),
                [](const MetricValues& a, const MetricValues& b) { return a.metric < b.metric; });
    }
  }

 private:
  [[noreturn]] void fail(std::string_view column_name, const std::string& message) const {
    throw InputError(reader_.file_name(), reader_.line(), reader_.column_of(column_name), message);
  }

  void check(const SummaryRow& row) {
    if (row.run < 0) fail("run", "run is negative");
    if (row.n < 0) fail("n", "n is negative");
    if (!seen_.emplace(row.recording, row.case_name, row.run, row.metric, row.events).second) {
      fail("metric", "second row for the same recording, case, run, metric and events");
    }
    if (row.metric.empty()) return;
    const auto [unit, is_new] = units_.try_emplace({row.case_name, row.metric}, row.unit);
    if (!is_new && unit->second != row.unit) {
      fail("unit", "mixed units: '" + row.unit + "' here, '" + unit->second + "' above");
    }
    if (row.min && *row.min < 0 && !may_be_negative(row.metric)) {
      fail("min", "a negative " + row.metric);
    }
    if (row.n > 0 && !row.p50) fail("p50", "p50 is empty although n is not 0");
  }

  void add(const SummaryRow& row) {
    CaseRun& run = run_of(row);
    if (row.metric.empty() || (events_ == EventSet::kUnflagged && has_tainted_events(row))) return;
    auto found = std::find_if(run.metrics.begin(), run.metrics.end(),
                              [&](const MetricValues& m) { return m.metric == row.metric; });
    if (found == run.metrics.end()) found = run.metrics.emplace(run.metrics.end());
    // Where both sets of events stand in the file, the wanted one wins, in whichever order.
    if (!found->metric.empty() && row.events != events_) return;
    found->metric = row.metric;
    found->unit = row.unit;
    found->better = row.better;
    found->headline = row.headline == YesNo::kYes;
    found->n = row.n;
    found->p50 = row.p50;
    found->p90 = row.p90;
    found->p99 = row.p99;
    found->clock_residual_ns = row.clock_residual_ns;
  }

  // Then the row of the unflagged events is the one to take; where every event is tainted there is
  // none.
  static bool has_tainted_events(const SummaryRow& row) {
    const std::optional<Metric> metric = find_metric(row.metric);
    return row.events == EventSet::kAll && row.flagged_samples.value_or(0) > 0 && metric &&
           is_event_metric(*metric);
  }

  CaseRun& run_of(const SummaryRow& row) {
    const auto [entry, is_new] =
        index_.try_emplace({row.recording, row.case_name, row.run}, runs_.runs.size());
    if (is_new) {
      CaseRun& run = runs_.runs.emplace_back();
      run.identity = row;
      run.recording = recording_of(row);
    }
    return runs_.runs[entry->second];
  }

  std::size_t recording_of(const SummaryRow& row) {
    const auto [entry, is_new] = recordings_.try_emplace(row.recording, runs_.recordings.size());
    if (is_new) {
      RecordingInfo& recording = runs_.recordings.emplace_back();
      recording.name = row.recording;
      recording.machine = row.machine;
      recording.source = reader_.file_name();
      recording.started_utc = row.started_utc;
    }
    return entry->second;
  }

  RowReader<SummaryRow> reader_;
  EventSet events_;
  RunSet& runs_;
  std::set<std::tuple<std::string, std::string, std::int64_t, std::string, EventSet>> seen_;
  std::map<std::pair<std::string, std::string>, std::string> units_;
  std::map<std::tuple<std::string, std::string, std::int64_t>, std::size_t> index_;
  std::map<std::string, std::size_t> recordings_;
};

void apply_manifest(const std::filesystem::path& file, RunSet& runs) {
  const Manifest manifest = read_manifest(file);
  for (RecordingInfo& recording : runs.recordings) {
    if (recording.name != manifest.recording) {
      throw InputError(file.string(), 0, 0,
                       "is about recording '" + manifest.recording + "', but summary.csv about '" +
                           recording.name + "'");
    }
    recording.environment = manifest.environment;
    recording.interrupted = manifest.interrupted;
    recording.started_utc = manifest.started_utc;
    const auto& document = manifest.document;
    if (const auto seed = document.find("seed"); seed != document.end()) {
      recording.seed = seed->get<std::int64_t>();
    }
    if (const auto command = document.find("command"); command != document.end()) {
      for (const auto& word : *command) {
        recording.command.push_back(word.is_string() ? word.get<std::string>() : word.dump());
      }
    }
  }
}

}  // namespace

void read_summary_runs(std::istream& in, const std::string& file_name, EventSet events,
                       RunSet& runs) {
  SummaryLoader(in, file_name, events, runs).load();
}

void read_sample_events(std::istream& in, const std::string& file_name, EventSet events,
                        RunSet& runs) {
  SampleEventLoader(in, file_name, events, runs).load();
}

RunSet read_recording_folder(const std::filesystem::path& folder, EventSet events) {
  RunSet runs;
  const std::filesystem::path summary = folder / "summary.csv";
  std::ifstream summary_in = open_input(summary);
  read_summary_runs(summary_in, summary.string(), events, runs);
  if (has_samples(folder)) {
    read_sample_events(*open_samples(folder), (folder / "samples.csv").string(), events, runs);
  }
  const std::filesystem::path manifest = folder / "manifest.json";
  if (std::filesystem::exists(manifest)) apply_manifest(manifest, runs);
  for (RecordingInfo& recording : runs.recordings) recording.source = folder.string();
  return runs;
}

}  // namespace notifier::analysis
