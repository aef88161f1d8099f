// SPDX-License-Identifier: MIT
#include "recording_files.hpp"

#include <fmt/format.h>

#include <sstream>

#include "analysis/summary.hpp"

namespace notifier::analysis {

SummaryRow FakeRecording::identity(const std::string& case_name, std::int64_t run) const {
  SummaryRow row;
  row.recording = name;
  row.machine = machine;
  row.platform = platform;
  row.kernel_release = kernel;
  row.boot_id = boot;
  row.case_name = case_name;
  row.run = run;
  row.duration_s = 2;
  row.waves = 1;
  return row;
}

std::vector<SampleRow> FakeRecording::samples_of(const std::string& case_name,
                                                 std::int64_t run) const {
  std::vector<SampleRow> samples;
  for (const double event : cases.at(case_name).at(static_cast<std::size_t>(run))) {
    SampleRow row;
    row.recording = name;
    row.case_name = case_name;
    row.run = run;
    row.event = static_cast<std::int64_t>(samples.size());
    if (flagged_events.contains(samples.size())) row.flags = "lost_cpu";
    row[Metric::kStall] = event;
    if (bystander_factor != 0) row[Metric::kBystanderQueueStall] = event * bystander_factor;
    samples.push_back(row);
  }
  return samples;
}

std::filesystem::path FakeRecording::write(const TemporaryFolder& folder) const {
  std::vector<SummaryRow> summary;
  std::vector<SampleRow> samples;
  for (const auto& [case_name, runs] : cases) {
    for (std::size_t run = 0; run < runs.size(); ++run) {
      const auto number = static_cast<std::int64_t>(run);
      const std::vector<SampleRow> events = samples_of(case_name, number);
      const std::vector<SummaryRow> rows = summarize_run(identity(case_name, number), events);
      summary.insert(summary.end(), rows.begin(), rows.end());
      samples.insert(samples.end(), events.begin(), events.end());
    }
  }
  std::ostringstream summary_text;
  write_summary(summary_text, summary);
  std::ostringstream samples_text;
  write_samples(samples_text, samples);
  folder.write(name + "/summary.csv", summary_text.str());
  folder.write(name + "/samples.csv", samples_text.str());
  folder.write(name + "/manifest.json",
               fmt::format(R"({{"schema_version": 1, "recording": "{}", "machine": "{}",
  "platform": "{}", "started_utc": "2026-11-22T10:00:00Z", "interrupted": false,
  "summary_rows": {}, "sample_rows": {}, "environment": {}, "seed": 7,
  "command": ["./notifier_bench_softgpu", "--events", "3"]}})",
                           name, machine, platform, summary.size(), samples.size(), environment));
  return folder.path() / name;
}

std::vector<std::vector<double>> steady_runs(std::size_t runs, double factor) {
  std::vector<std::vector<double>> result;
  for (std::size_t run = 0; run < runs; ++run) {
    result.emplace_back(3, 1000 * factor * (1 + 0.001 * static_cast<double>(run)));
  }
  return result;
}

}  // namespace notifier::analysis
