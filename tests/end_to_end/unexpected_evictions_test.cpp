// SPDX-License-Identifier: MIT
// No false invalidations: operations that take nothing from the device must not evict it, and a
// notifier that is too wide is a finding.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "analysis/flags.hpp"
#include "analysis/schema.hpp"
#include "command.hpp"

namespace notifier::testing {
namespace {

struct Found {
  bool flagged = false;
  std::int64_t most_evictions = 0;  // of one event
};

/// The family: beside the memory, or a child that is not given it. neighbour_merge is left out: its
/// mmap takes nothing away from anybody, so that softgpu does not hold it, however wide it is.
constexpr const char* kFamily =
    "^userptr/anon/"
    "((munmap_(neighbour|both_sides|hammer|nothing)|neighbour_(dontneed|mprotect)|posix_"
    "spawn)"
    "/default|(fork_exit|fork_child_hold)/dontfork)/(preempt|wait_for_jobs)/(small|job_5ms)/64KiB$";

// Two recoveries of each. Where something lies beside the memory by chance, a neighbour's case is
// skipped; not so most of them.
constexpr std::size_t kFamilyCases = 18;
constexpr std::size_t kLeastCases = 12;

/// What a recording of the family says, by case, and what the bench printed. A notifier that is too
/// wide damages nothing and may be somebody else's doing, so the run itself has succeeded.
std::map<std::string, Found> measure_family(const char* planted, std::string& printed,
                                            std::set<std::string>& flagged_runs) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", kFamily, "--events", "5", "--no-self-test", "--results", folder.text()})
          .environment("SOFTGPU_PLANT", planted)
          .run();
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  printed = finished.out;
  flagged_runs.clear();
  const std::filesystem::path recording = only_recording(folder.path());
  const Finished validated = Command({NOTIFIER_VALIDATE_PROGRAM, recording.string()}).run();
  EXPECT_EQ(validated.exit_code, 0) << validated.out << validated.err;
  std::map<std::string, Found> found;
  std::ifstream summary(recording / "summary.csv");
  for (const analysis::SummaryRow& row : analysis::read_summary(summary, "summary.csv")) {
    if (analysis::has_flag(row.flags, "unexpected_evictions")) {
      flagged_runs.insert(row.case_name);
    }
    if (row.status == analysis::Status::kSkipped) {
      EXPECT_NE(row.reason.find("no room for a neighbour"), std::string::npos) << row.reason;
      continue;
    }
    EXPECT_EQ(row.status, analysis::Status::kOk) << row.case_name << ": " << row.reason;
    found[row.case_name].flagged |= analysis::has_flag(row.flags, "unexpected_evictions");
  }
  std::ifstream samples(recording / "samples.csv");
  analysis::RowReader<analysis::SampleRow> reader(analysis::sample_columns(), samples,
                                                  "samples.csv");
  analysis::SampleRow row;
  while (reader.next(row)) {
    // A case may be skipped after some of its events.
    if (const auto measured = found.find(row.case_name); measured != found.end()) {
      std::int64_t& most = measured->second.most_evictions;
      most = std::max(most, row.evictions.value_or(0));
    }
  }
  return found;
}

TEST(UnexpectedEvictions, AreFlaggedInEachCaseOfTheFamilyWhenTheNotifierIsTooWide) {
  std::string printed;
  std::set<std::string> flagged_runs;
  const auto found = measure_family("wide", printed, flagged_runs);
  EXPECT_GE(found.size(), kLeastCases) << printed;
  EXPECT_LE(found.size(), kFamilyCases) << printed;
  for (const auto& [name, one] : found) {
    EXPECT_TRUE(one.flagged) << name;
    EXPECT_GT(one.most_evictions, 0) << name;
  }
  EXPECT_NE(printed.find("ok, unexpected evictions"), std::string::npos) << printed;
  EXPECT_NE(
      printed.find("; unexpected evictions in " + std::to_string(flagged_runs.size()) + " runs"),
      std::string::npos)
      << printed;
}

TEST(UnexpectedEvictions, AreNoneWhereTheNotifierIsRight) {
  std::string printed;
  std::set<std::string> flagged_runs;
  const auto found = measure_family("", printed, flagged_runs);
  EXPECT_TRUE(flagged_runs.empty()) << printed;
  EXPECT_GE(found.size(), kLeastCases) << printed;
  EXPECT_LE(found.size(), kFamilyCases) << printed;
  for (const auto& [name, one] : found) {
    EXPECT_FALSE(one.flagged) << name;
    EXPECT_EQ(one.most_evictions, 0) << name;
  }
  EXPECT_EQ(printed.find("unexpected evictions"), std::string::npos) << printed;
}

}  // namespace
}  // namespace notifier::testing
