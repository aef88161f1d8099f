// SPDX-License-Identifier: MIT
#include "analysis/compare/write_recording.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "analysis/schema.hpp"
#include "analysis/summary.hpp"

namespace notifier::analysis {
namespace {

std::vector<SampleRow> samples_of(const CaseRun& run) {
  std::vector<SampleRow> samples;
  for (const MetricValues& values : run.metrics) {
    const std::optional<Metric> metric = find_metric(values.metric);
    if (!metric || !is_event_metric(*metric)) continue;
    if (samples.size() < values.events.size()) samples.resize(values.events.size());
    for (std::size_t i = 0; i < values.events.size(); ++i) samples[i][*metric] = values.events[i];
  }
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i].recording = run.identity.recording;
    samples[i].case_name = run.identity.case_name;
    samples[i].run = run.identity.run;
    samples[i].event = static_cast<std::int64_t>(i);
  }
  return samples;
}

void close(std::ofstream& out, const std::filesystem::path& file) {
  out.close();
  if (!out) throw std::runtime_error(file.string() + ": cannot be written");
}

}  // namespace

void write_recording(const RunSet& runs, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::ofstream summary(folder / "summary.csv", std::ios::binary);
  std::ofstream samples(folder / "samples.csv", std::ios::binary);
  CsvWriter summary_writer(summary);
  CsvWriter sample_writer(samples);
  write_summary_header(summary_writer);
  write_sample_header(sample_writer);
  std::size_t summary_rows = 0;
  std::size_t sample_rows = 0;
  for (const CaseRun& run : runs.runs) {
    const std::vector<SampleRow> events = samples_of(run);
    for (const SampleRow& row : events) write_sample(sample_writer, row);
    const std::vector<SummaryRow> rows = summarize_run(run.identity, events);
    for (const SummaryRow& row : rows) write_summary_row(summary_writer, row);
    summary_rows += rows.size();
    sample_rows += events.size();
  }
  close(summary, folder / "summary.csv");
  close(samples, folder / "samples.csv");
  const SummaryRow& first = runs.runs.at(0).identity;
  const nlohmann::ordered_json manifest = {{"schema_version", kSchemaVersion},
                                           {"recording", first.recording},
                                           {"machine", first.machine},
                                           {"platform", first.platform},
                                           {"started_utc", "2026-01-01T00:00:00Z"},
                                           {"interrupted", false},
                                           {"summary_rows", summary_rows},
                                           {"sample_rows", sample_rows},
                                           {"environment", nlohmann::json::object()}};
  std::ofstream out(folder / "manifest.json", std::ios::binary);
  out << manifest.dump(1) << '\n';
  close(out, folder / "manifest.json");
}

}  // namespace notifier::analysis
