// SPDX-License-Identifier: MIT
#include "analysis/validate.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "analysis/csv.hpp"
#include "analysis/files.hpp"
#include "analysis/summary.hpp"
#include "temporary_folder.hpp"

namespace notifier::analysis {
namespace {

// A small recording, complete and valid until a test changes it.
struct Recording {
  std::vector<SummaryRow> summary;
  std::vector<SampleRow> samples;
  std::string extra_samples;
  int sample_rows = -1;

  void write(const TemporaryFolder& folder) const {
    std::ostringstream summary_text;
    write_summary(summary_text, summary);
    folder.write("summary.csv", summary_text.str());
    std::ostringstream samples_text;
    write_samples(samples_text, samples);
    folder.write("samples.csv", samples_text.str() + extra_samples);
    folder.write("manifest.json",
                 fmt::format(R"({{"schema_version": 1, "recording": "r", "machine": "m",
  "platform": "software", "started_utc": "2026-11-22T10:00:00Z", "interrupted": false,
  "summary_rows": {}, "sample_rows": {}, "environment": {{}}}})",
                             summary.size(), sample_rows < 0 ? samples.size() : sample_rows));
  }
};

SummaryRow identity(const std::string& case_name) {
  SummaryRow row;
  row.recording = "r";
  row.machine = "m";
  row.platform = "software";
  row.boot_id = "b";
  row.kernel_release = "6.18.0";
  row.case_name = case_name;
  return row;
}

Recording make_recording() {
  Recording recording;
  for (const std::string case_name : {"fork", "munmap"}) {
    std::vector<SampleRow> samples;
    for (int event = 0; event < 5; ++event) {
      SampleRow row;
      row.recording = "r";
      row.case_name = case_name;
      row.event = event;
      row.kind = event == 4 ? EventKind::kSham : EventKind::kEvent;
      row.start_ns = event * 1000;
      row[Metric::kStall] = 100.0 / (event + 3);
      row[Metric::kSyscall] = event * 0.1;
      row.evictions = 1;
      row.violations = event == 0 ? 1 : 0;
      row.flags = event == 2 ? "lost_cpu" : "";
      samples.push_back(row);
    }
    SummaryRow row = identity(case_name);
    row.violations_torn = 1;
    const auto rows = summarize_run(row, samples, std::vector<RunValue>{{Metric::kIteration, 40}});
    recording.summary.insert(recording.summary.end(), rows.begin(), rows.end());
    recording.samples.insert(recording.samples.end(), samples.begin(), samples.end());
  }
  SummaryRow skipped = identity("vram");
  skipped.status = Status::kSkipped;
  skipped.reason = "no device memory";
  recording.summary.push_back(summarize_run(skipped, {}).front());
  return recording;
}

std::vector<std::string> findings(const Recording& recording) {
  const TemporaryFolder folder;
  recording.write(folder);
  std::vector<std::string> found = validate_recording(folder.path()).findings;
  for (std::string& text : found) text.erase(0, folder.path().string().size() + 1);
  return found;
}

using Findings = std::vector<std::string>;

TEST(Validate, AcceptsAValidRecording) {
  const TemporaryFolder folder;
  make_recording().write(folder);
  const ValidationReport report = validate_recording(folder.path());
  EXPECT_EQ(report.findings, Findings{});
  EXPECT_EQ(report.summary_rows, 15u);
  EXPECT_EQ(report.sample_rows, 10u);
}

// As scripts/nightly --pack-after leaves it.
TEST(Validate, AcceptsPackedSamplesAndRefusesBrokenOnes) {
  const TemporaryFolder folder;
  make_recording().write(folder);
  const std::string samples = (folder.path() / "samples.csv").string();
  ASSERT_EQ(std::system(fmt::format("gzip --no-name '{}'", samples).c_str()), 0);
  ASSERT_FALSE(std::filesystem::exists(samples));
  const ValidationReport report = validate_recording(folder.path());
  EXPECT_EQ(report.findings, Findings{});
  EXPECT_EQ(report.sample_rows, 10u);
  const std::string packed = read_text_file(samples + ".gz");
  folder.write("samples.csv.gz", packed.substr(0, packed.size() / 2));
  EXPECT_THROW(validate_recording(folder.path()), InputError);
  std::string flipped = packed;
  flipped[flipped.size() / 2] ^= 0x55;
  folder.write("samples.csv.gz", flipped);
  EXPECT_THROW(validate_recording(folder.path()), InputError);
}

TEST(Validate, FindsASummaryThatDoesNotFollowFromTheSamples) {
  Recording recording = make_recording();
  recording.summary[1].p50 = *recording.summary[1].p50 * (1 + 1e-9);
  const Findings found = findings(recording);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].starts_with("summary.csv:3: p50 is '")) << found[0];
}

TEST(Validate, FindsAWrongCount) {
  Recording recording = make_recording();
  recording.summary[0].n = 5;
  EXPECT_EQ(findings(recording),
            Findings{"summary.csv:2: n is '5', samples.csv and the rows beside it give '4'"});
}

TEST(Validate, FindsAMissingAndASurplusRow) {
  Recording recording = make_recording();
  recording.summary.erase(recording.summary.begin());
  EXPECT_EQ(findings(recording),
            Findings{"summary.csv:2: no row for case fork run 0 metric 'syscall_ns' events all, "
                     "which samples.csv has"});
  recording = make_recording();
  recording.summary[0].metric = "fault_ns";
  EXPECT_EQ(findings(recording).size(), 2u);
}

TEST(Validate, FindsSamplesThatNoSummaryKnows) {
  Recording recording = make_recording();
  for (auto& row : recording.samples) row.run = row.case_name == "munmap" ? 1 : 0;
  const Findings found = findings(recording);
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0], "samples.csv:11: no row of summary.csv for case munmap run 1");
}

TEST(Validate, FindsEventsOutOfOrder) {
  Recording recording = make_recording();
  std::swap(recording.samples[1], recording.samples[2]);
  const Findings found = findings(recording);
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0],
            "samples.csv:3: event is 2, expected 1 (rows of one case and run stand together, in "
            "order)");
}

TEST(Validate, FindsViolationsThatTheSummaryDoesNotCount) {
  Recording recording = make_recording();
  recording.samples[1].violations = 4;
  EXPECT_EQ(findings(recording), Findings{"summary.csv:2: 1 violations, but samples.csv has 5"});
}

TEST(Validate, FindsCountsThatDifferFromTheManifest) {
  Recording recording = make_recording();
  recording.sample_rows = 11;
  EXPECT_EQ(findings(recording), Findings{"manifest.json: sample_rows is 11, the file has 10"});
}

TEST(Validate, FindsAMissingReasonAnUnknownFlagAndAnotherMachine) {
  Recording recording = make_recording();
  recording.summary.back().reason.clear();
  recording.summary.back().machine = "other";
  recording.samples[0].flags = "lost_cqu";
  const Findings found = findings(recording);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0], "summary.csv:16: status is not ok and has no reason");
  EXPECT_EQ(found[1], "summary.csv:16: machine is not the manifest's");
  EXPECT_EQ(found[2], "samples.csv:2: unknown flag 'lost_cqu'");
}

TEST(Validate, FindsATruncatedFile) {
  Recording recording = make_recording();
  recording.extra_samples = "r,munmap,0,5";
  EXPECT_EQ(findings(recording),
            Findings{"samples.csv:12: column 4: the line has 4 fields, the header 43"});
}

TEST(Validate, FindsADuplicatedRow) {
  Recording recording = make_recording();
  recording.summary.push_back(recording.summary.back());
  const Findings found = findings(recording);
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0], "summary.csv:17: second row for the same case, run, metric and events");
}

TEST(ValidateTool, ExitsWithTheOutcome) {
  const TemporaryFolder folder;
  const std::string command = std::string(NOTIFIER_VALIDATE) + " " + folder.path().string();
  EXPECT_EQ(run_command(command).exit_code, 2);
  make_recording().write(folder);
  EXPECT_EQ(run_command(command).exit_code, 0);
  Recording broken = make_recording();
  broken.summary[0].n = 7;
  broken.write(folder);
  const CommandResult result = run_command(command);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.standard_error.find("summary.csv:2: n is '7'"), std::string::npos);
  EXPECT_EQ(run_command(NOTIFIER_VALIDATE).exit_code, 2);
  EXPECT_EQ(run_command(std::string(NOTIFIER_VALIDATE) + " --nonsense").exit_code, 2);
  EXPECT_EQ(run_command(std::string(NOTIFIER_VALIDATE) + " --help").exit_code, 0);
  EXPECT_EQ(run_command(std::string(NOTIFIER_VALIDATE) + " --schema-markdown").standard_output,
            schema_markdown());
}

}  // namespace
}  // namespace notifier::analysis
