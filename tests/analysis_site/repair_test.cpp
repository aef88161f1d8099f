// SPDX-License-Identifier: MIT
#include "analysis/site/repair.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "analysis/csv.hpp"
#include "analysis/files.hpp"
#include "analysis/manifest.hpp"
#include "analysis/schema.hpp"
#include "analysis/validate.hpp"
#include "tests/analysis/temporary_folder.hpp"
#include "tests/analysis_site/synthetic_results.hpp"

namespace notifier::site {
namespace {

namespace fs = std::filesystem;
using analysis::read_text_file;

void write_text(const fs::path& file, std::string_view text) {
  std::ofstream(file, std::ios::binary) << text;
}

// A recording of three cases of two runs each, as it is while the bench still works on it.
class RepairTest : public testing::Test {
 protected:
  RepairTest() {
    write_synthetic_results(
        folder_.path(),
        {.machines = 1, .nights = 1, .cases = 3, .runs = 2, .events = 12, .sampled_nights = 1});
    recording_ = fs::directory_iterator(folder_.path() / "synthetic-01")->path();
    summary_ = read_text_file(recording_ / "summary.csv");
    samples_ = read_text_file(recording_ / "samples.csv");
    auto manifest = nlohmann::json::parse(read_text_file(recording_ / "manifest.json"));
    manifest["interrupted"] = true;
    manifest["summary_rows"] = 0;
    manifest["sample_rows"] = 0;
    manifest_ = manifest.dump();
  }

  void store(std::string_view summary, std::string_view samples) const {
    write_text(recording_ / "summary.csv", summary);
    write_text(recording_ / "samples.csv", samples);
    write_text(recording_ / "manifest.json", manifest_);
  }

  void expect_valid(const std::string& what) const {
    const auto report = analysis::validate_recording(recording_);
    EXPECT_EQ(report.findings_total, 0U)
        << what << ": " << (report.findings.empty() ? "" : report.findings.front());
  }

  // Bytes of the summary after which one more run is whole.
  std::vector<std::size_t> ends_of_runs() const {
    std::istringstream in(summary_);
    std::vector<std::size_t> ends;
    std::string line;
    std::getline(in, line);
    const auto column_of = [header = "," + line + ","](const std::string& name) {
      const auto end = static_cast<std::ptrdiff_t>(header.find("," + name + ","));
      return std::count(header.begin(), header.begin() + end, ',');
    };
    const auto case_column = column_of("case_name");
    const auto run_column = column_of("run");
    std::size_t position = line.size() + 1;
    std::string previous;
    while (std::getline(in, line)) {
      std::istringstream fields(line);
      std::string name;
      std::string field;
      for (std::ptrdiff_t i = 0; std::getline(fields, field, ','); ++i) {
        if (i == case_column || i == run_column) name += field + ",";
      }
      if (!previous.empty() && name != previous) ends.push_back(position);
      previous = name;
      position += line.size() + 1;
    }
    ends.push_back(position);
    return ends;
  }

  analysis::TemporaryFolder folder_;
  fs::path recording_;
  std::string summary_;
  std::string samples_;
  std::string manifest_;
};

TEST_F(RepairTest, WhereverTheSummaryEndsEveryWholeRunStays) {
  const std::vector<std::size_t> ends = ends_of_runs();
  ASSERT_EQ(ends.size(), 6U);
  const std::size_t header = summary_.find('\n') + 1;
  for (std::size_t size = header; size <= summary_.size(); size += 211) {
    store(summary_.substr(0, size), samples_);
    const RepairReport report = repair_recording(recording_);
    const auto whole =
        std::count_if(ends.begin(), ends.end(), [&](std::size_t end) { return end <= size; });
    EXPECT_EQ(report.runs_kept, static_cast<std::size_t>(whole)) << size;
    expect_valid("summary cut at " + std::to_string(size));
  }
}

TEST_F(RepairTest, WhereverTheSamplesEndTheRecordingIsValid) {
  const std::size_t header = samples_.find('\n') + 1;
  for (std::size_t size = header; size <= samples_.size(); size += 211) {
    store(summary_, samples_.substr(0, size));
    repair_recording(recording_);
    expect_valid("samples cut at " + std::to_string(size));
  }
}

TEST_F(RepairTest, WhatStaysIsByteForByteWhatWasThere) {
  const std::size_t end = ends_of_runs()[3];
  store(summary_.substr(0, end + 100), samples_);
  repair_recording(recording_);
  EXPECT_EQ(read_text_file(recording_ / "summary.csv"), summary_.substr(0, end));
  EXPECT_TRUE(samples_.starts_with(read_text_file(recording_ / "samples.csv")));
}

TEST_F(RepairTest, ASecondRepairChangesNothing) {
  store(summary_.substr(0, summary_.size() - 300), samples_);
  repair_recording(recording_);
  const std::string summary = read_text_file(recording_ / "summary.csv");
  const RepairReport again = repair_recording(recording_);
  EXPECT_EQ(again.summary_rows_dropped, 0U);
  EXPECT_EQ(read_text_file(recording_ / "summary.csv"), summary);
}

TEST_F(RepairTest, FinishedRecordingIsLeftAlone) {
  auto manifest = nlohmann::json::parse(manifest_);
  manifest["finished_utc"] = "2026-11-22T18:00:00Z";
  manifest_ = manifest.dump();
  store(summary_.substr(0, summary_.size() - 10), samples_);
  EXPECT_FALSE(repair_recording(recording_).changed);
  EXPECT_EQ(read_text_file(recording_ / "summary.csv").size(), summary_.size() - 10);
}

TEST_F(RepairTest, WithoutHeaderOrManifestNothingCanBeKept) {
  store("", samples_);
  EXPECT_THROW(repair_recording(recording_), analysis::InputError);
  store(summary_, samples_);
  fs::remove(recording_ / "manifest.json");
  EXPECT_THROW(repair_recording(recording_), analysis::InputError);
}

}  // namespace
}  // namespace notifier::site
