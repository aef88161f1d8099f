// SPDX-License-Identifier: MIT
// Real runs on the software GPU, and what they leave on disk.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "analysis/schema.hpp"
#include "command.hpp"
#include "harness/perturbation.hpp"

namespace notifier::testing {
namespace {

struct Stored {
  std::filesystem::path folder;
  std::vector<analysis::SummaryRow> summary;
  std::vector<analysis::SampleRow> samples;
};

Stored read_back(const std::filesystem::path& results) {
  Stored stored;
  stored.folder = only_recording(results);
  std::ifstream summary(stored.folder / "summary.csv");
  stored.summary = analysis::read_summary(summary, "summary.csv");
  std::ifstream samples(stored.folder / "samples.csv");
  analysis::RowReader<analysis::SampleRow> reader(analysis::sample_columns(), samples,
                                                  "samples.csv");
  for (analysis::SampleRow row; reader.next(row);) stored.samples.push_back(row);
  return stored;
}

Finished validate(const std::filesystem::path& recording) {
  return Command({NOTIFIER_VALIDATE_PROGRAM, recording.string()}).run();
}

TEST(Results, ARunLeavesAValidRecordingWithEveryEvent) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", "userptr/anon/(sham|dontneed)/default/preempt/small/64KiB", "--events",
             "10", "--runs", "2", "--no-self-test", "--seed", "42", "--results", folder.text()})
          .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("4 ok, 0 skipped, 0 failed"), std::string::npos) << finished.out;
  const Stored stored = read_back(folder.path());
  const Finished validated = validate(stored.folder);
  EXPECT_EQ(validated.exit_code, 0) << validated.out << validated.err;
  std::map<std::string, int> events;
  for (const analysis::SampleRow& sample : stored.samples) {
    if (sample.kind == analysis::EventKind::kEvent) {
      ++events[sample.case_name + "#" + std::to_string(sample.run)];
    }
  }
  ASSERT_EQ(events.size(), 4u);
  for (const auto& [name, count] : events) EXPECT_EQ(count, 10) << name;
  std::ifstream in(stored.folder / "manifest.json");
  const nlohmann::json manifest = nlohmann::json::parse(in);
  EXPECT_EQ(manifest.at("seed"), 42);
  EXPECT_FALSE(manifest.at("interrupted").get<bool>());
}

struct Expected {
  ExpectedEvictions evictions;
  bool faults = false;  // at least one retry fault in the window
  bool may_fault = false;
  bool unseen = false;  // nobody is left to count
};

Expected expectation(const Case& measured) {
  const Perturbation& row = *find_perturbation(measured.perturbation);
  const Reach reach = usual_reach(measured);
  const bool keeps = touch_rule(measured, row, reach.path).touch == Touch::kKeeps;
  const bool may_fault = invalidates(row, reach) && reach.retries();
  return {expected_on_softgpu(row, reach), may_fault && keeps, may_fault,
          row.ends_process || measured.memory == Memory::kPlain};
}

/// Every case of one size that can run: status ok, no violation, evictions exactly as the table
/// says.
void expect_evictions_as_listed(const std::string& filter) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", filter, "--events", "4", "--no-self-test", "--results", folder.text()})
          .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  const Stored stored = read_back(folder.path());
  std::map<std::string, Expected> expected;
  bool any_ran = false;
  for (const analysis::SummaryRow& row : stored.summary) {
    EXPECT_NE(row.status, analysis::Status::kFailed) << row.case_name << ": " << row.reason;
    EXPECT_EQ(analysis::total_violations(row).value_or(0), 0) << row.case_name;
    const bool skipped = row.status == analysis::Status::kSkipped;
    EXPECT_FALSE(skipped && row.reason.empty()) << row.case_name;
    any_ran = any_ran || !skipped;
    // A case may be skipped after some events: they count too.
    expected[row.case_name] = expectation(*parse_case(row.case_name));
  }
  ASSERT_TRUE(any_ran);
  for (const analysis::SampleRow& sample : stored.samples) {
    const bool sham = sample.kind == analysis::EventKind::kSham;
    const Expected& range = expected.at(sample.case_name);
    if (range.unseen) continue;
    const ExpectedEvictions evictions = sham ? ExpectedEvictions{} : range.evictions;
    EXPECT_GE(sample.evictions, evictions.least) << sample.case_name << ", event " << sample.event;
    EXPECT_LE(sample.evictions, evictions.most) << sample.case_name << ", event " << sample.event;
    const double faults = sample[analysis::Metric::kFaults].value_or(0);
    if (!sham && range.faults) {
      EXPECT_GE(faults, 1) << sample.case_name << ", event " << sample.event;
    } else if (sham || !range.may_fault) {
      EXPECT_EQ(faults, 0) << sample.case_name << ", event " << sample.event;
    }
  }
}

TEST(Results, UserptrEvictionsAreThoseOfTheTable) {
  expect_evictions_as_listed("^userptr/anon/.*/preempt/.*/" NOTIFIER_TABLE_SIZE);
}
TEST(Results, EvictionsOnHugePagesAreThoseOfTheTable) {
  expect_evictions_as_listed("^userptr/thp/.*/default/.*/4MiB");
}
TEST(Results, EvictionsOnFoliosAreThoseOfTheTable) {
  expect_evictions_as_listed(
      "^userptr/(mthp_64KiB|thp_pte|thp_part_(unmapped|shared))/"
      "(fork_child_hold|dontneed|munmap_middle)/default/preempt/.*/4MiB");
}
TEST(Results, EvictionsOnSharedMemoryAreThoseOfTheTable) {
  expect_evictions_as_listed("^userptr/(memfd|shared_anon)/.*/default/.*/64KiB");
}
TEST(Results, EvictionsOnFilePagesAreThoseOfTheTable) {
  expect_evictions_as_listed("^userptr/file_private/.*/default/.*/64KiB");
}
TEST(Results, ManagedEvictionsAreThoseOfTheTable) {
  expect_evictions_as_listed("^managed/.*/default/.*/" NOTIFIER_TABLE_SIZE);
}
TEST(Results, UserptrEvictsWithRetryFaultsAsWell) {
  expect_evictions_as_listed(
      "^userptr/anon/(sham|fork_exit|dontneed|map_fixed|munmap_.*)/default/"
      "retry_fault/.*/64KiB");
}
TEST(Results, ADeviceThatWaitsForJobsEvictsAsOneThatPreempts) {
  expect_evictions_as_listed(
      "^(userptr|managed|host)/anon/(sham|fork_exit|fork_unknown_buffer|dontneed|map_fixed|"
      "munmap_.*|mremap_move)/[a-z]*/wait_for_jobs/job_5ms/64KiB");
}
TEST(Results, SystemMemoryFaultsAndNeverEvicts) {
  expect_evictions_as_listed("^system/anon/.*/" NOTIFIER_TABLE_SIZE);
}
TEST(Results, SystemMemoryOfEveryBackingFaultsAndNeverEvicts) {
  expect_evictions_as_listed(
      "^system/(thp|hugetlb|memfd|shared_anon|file_private)/.*/default/.*/" NOTIFIER_TABLE_SIZE);
}
TEST(Results, HostAndVramEvictionsAreThoseOfTheTable) {
  expect_evictions_as_listed("^(host|vram)/.*/64KiB");
}

/// Expectations of forks are relative to the second of the controls: the runtime's own ranges.
TEST(Results, TheControlsEvictNothing) {
  const TemporaryFolder folder;
  const Finished finished = bench({"--filter",
                                   "^((plain|vram)/anon/fork_(exit|child_hold)/default|"
                                   "userptr/anon/fork_unknown_buffer/dontfork/preempt)/.*64KiB",
                                   "--events", "4", "--no-self-test", "--results", folder.text()})
                                .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("5 ok, 0 skipped, 0 failed; 0 integrity"), std::string::npos)
      << finished.out;
  for (const analysis::SampleRow& sample : read_back(folder.path()).samples) {
    const bool plain = sample.case_name.starts_with("plain/");
    EXPECT_GT(sample[analysis::Metric::kSyscall].value_or(0), 0) << sample.case_name;
    EXPECT_EQ(sample[analysis::Metric::kStall].has_value(), !plain) << sample.case_name;
    EXPECT_EQ(sample.evictions.value_or(0), 0) << sample.case_name;
  }
}

/// A full context is told by its bytes and by nothing else: same evictions, same integrity.
TEST(Results, AFullContextHasMoreBytesAndTheSameEvictions) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter",
             "^(userptr|managed)/anon/(sham|dontneed)/default/preempt/(small|full)/64KiB",
             "--events", "6", "--no-self-test", "--results", folder.text()})
          .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("8 ok, 0 skipped, 0 failed; 0 integrity"), std::string::npos)
      << finished.out;
  const Stored stored = read_back(folder.path());
  EXPECT_EQ(validate(stored.folder).exit_code, 0);
  std::map<std::string, double> bytes_per_wave;  // by context
  for (const analysis::SummaryRow& row : stored.summary) {
    if (row.metric != "context_bytes") continue;
    const double bytes = row.p50.value_or(0) / static_cast<double>(row.waves.value_or(0));
    const double other = bytes_per_wave.emplace(row.context, bytes).first->second;
    EXPECT_EQ(bytes, other) << row.case_name;
  }
  // 24 words in registers and 1024 in local memory, as the source says.
  EXPECT_EQ(bytes_per_wave.at("full") - bytes_per_wave.at("small"), 8 * (24 + 1024));
  for (const analysis::SampleRow& sample : stored.samples) {
    const bool evicts = sample.kind == analysis::EventKind::kEvent &&
                        sample.case_name.find("/dontneed/") != std::string::npos;
    EXPECT_EQ(sample.evictions.value_or(0) > 0, evicts) << sample.case_name;
  }
}

TEST(Results, AProcessThatEndsUnderItsKernelLeavesTheDeviceInOrder) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", "^userptr/anon/(exit|kill|exec)_running/default/preempt/small/64KiB",
             "--events", "2", "--no-self-test", "--results", folder.text()})
          .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  const Stored stored = read_back(folder.path());
  EXPECT_EQ(validate(stored.folder).exit_code, 0);
  EXPECT_EQ(stored.samples.size(), 6u);
  for (const analysis::SampleRow& sample : stored.samples) {
    EXPECT_GT(sample[analysis::Metric::kSyscall].value_or(0), 0) << sample.case_name;
  }
}

TEST(Results, KsmMergesAndItsSettingsComeBack) {
  const auto setting = [] {
    std::ifstream in("/sys/kernel/mm/ksm/run");
    std::string text;
    in >> text;
    return text;
  };
  const std::string before = setting();
  const TemporaryFolder folder;
  const Finished finished = bench({"--filter", "^userptr/anon/ksm/default/preempt/small/64KiB",
                                   "--events", "2", "--no-self-test", "--results", folder.text()})
                                .run();
  EXPECT_EQ(setting(), before);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "settings_to_restore"));
  if (finished.exit_code == 77) GTEST_SKIP() << finished.out;
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("0 integrity violations"), std::string::npos) << finished.out;
}

TEST(Results, MigrationsReallyMoveTheMemory) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", "managed/anon/(prefetch_device|prefetch_host|cpu_touch)/.*/64KiB",
             "--events", "4", "--no-self-test", "--results", folder.text()})
          .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  const Stored stored = read_back(folder.path());
  std::set<std::string> cases;
  for (const analysis::SummaryRow& row : stored.summary) {
    ASSERT_EQ(row.status, analysis::Status::kOk) << row.case_name << ": " << row.reason;
    EXPECT_EQ(analysis::total_violations(row).value_or(0), 0) << row.case_name;
    cases.insert(row.case_name);
  }
  EXPECT_GE(cases.size(), 6u);  // each under preemption and under retry faults
  for (const analysis::SampleRow& sample : stored.samples) {
    const bool sham = sample.kind == analysis::EventKind::kSham;
    const double pages = sample[analysis::Metric::kPagesMigrated].value_or(0);
    // A touch moves its block, and the memory may lie in two.
    const double least = sham                                                      ? 0
                         : sample.case_name.find("cpu_touch") == std::string::npos ? 16
                                                                                   : 1;
    const double most = sham ? 0 : 16;
    EXPECT_GE(pages, least) << sample.case_name;
    EXPECT_LE(pages, most) << sample.case_name;
  }
}

TEST(Results, EmptyingEventsReallyEmptyTheMemory) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", "userptr/anon/(dontneed|map_fixed)/default/preempt/small/64KiB",
             "--events", "4", "--no-self-test", "--results", folder.text()})
          .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  std::map<std::string, std::int64_t> zeros;
  for (const analysis::SampleRow& sample : read_back(folder.path()).samples) {
    zeros[sample.case_name] += sample.allowed_zeros.value_or(0);
  }
  ASSERT_EQ(zeros.size(), 2u);
  for (const auto& [name, count] : zeros) EXPECT_GT(count, 0) << name;
}

TEST(Results, TheForkPolicyTableTellsThePoliciesApart) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--table", "fork-policy", "--csv", "--filter",
             "userptr/(anon|shared_anon)/fork_parent_write/.*/preempt/small/64KiB$", "--events",
             "3", "--no-self-test", "--results", folder.text()})
          .run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  std::map<std::string, std::vector<std::string>> lines;  // by backing and policy
  std::istringstream in(finished.out.substr(finished.out.find("memory,memory_path,backing")));
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> fields;
    std::istringstream parts(line.substr(0, line.find('\r')));
    for (std::string field; std::getline(parts, field, ',');) fields.push_back(field);
    ASSERT_EQ(fields.size(), 12u) << line;
    EXPECT_EQ(fields[1], lines.empty() ? "memory_path" : "userptr_bo") << line;
    lines[fields[2] + " " + fields[3]] = fields;
  }
  const auto expect = [&](const char* which, const char* evictions, const char* child_finds) {
    ASSERT_EQ(lines.count(which), 1u) << finished.out;
    EXPECT_EQ(lines[which][8], evictions) << which;
    EXPECT_EQ(lines[which][10], child_finds) << which;
    EXPECT_GT(std::stod(lines[which][6]), 0) << which << ": no fork was timed";
    EXPECT_GT(std::stod(lines[which][7]), 0) << which << ": no first write was timed";
  };
  expect("anon default", "1.000", "child_copy");
  expect("anon dontfork", "0.000", "child_nothing");
  expect("anon wipeonfork", "0.000", "child_zeros");
  expect("shared_anon default", "0.000", "child_shared");
}

TEST(Results, SkippedCasesAreRowsWithTheReason) {
  const TemporaryFolder folder;
  const Finished finished = bench({"--filter", "managed/anon/map_fixed/default/preempt/small/64KiB",
                                   "--no-self-test", "--results", folder.text()})
                                .run();
  EXPECT_EQ(finished.exit_code, 77) << finished.out << finished.err;
  const Stored stored = read_back(folder.path());
  ASSERT_EQ(stored.summary.size(), 1u);
  EXPECT_EQ(stored.summary[0].status, analysis::Status::kSkipped);
  EXPECT_NE(stored.summary[0].reason.find("fatal"), std::string::npos);
}

TEST(Results, TheSelfTestCatchesEveryPlant) {
  const Finished finished = bench({"--self-test"}).run();
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_EQ(finished.out.find("NOT CAUGHT"), std::string::npos) << finished.out;
  // The reason to look while it happens.
  EXPECT_NE(finished.out.find("caught, not by a check at the end"), std::string::npos)
      << finished.out;
  for (const char* recovery : {"preempt", "retry_fault", "wait_for_jobs"}) {
    EXPECT_NE(finished.out.find(recovery), std::string::npos) << finished.out;
  }
}

TEST(Results, AReplayMakesTheSameDataAgain) {
  const TemporaryFolder folder;
  const Finished first =
      bench({"--filter", "userptr/anon/(sham|dontneed)/default/preempt/small/64KiB", "--events",
             "3", "--no-self-test", "--results", folder.text()})
          .run();
  ASSERT_EQ(first.exit_code, 0) << first.out << first.err;
  const std::filesystem::path recording = only_recording(folder.path());
  const TemporaryFolder again;
  const Finished second = bench({"--replay", recording.string(), "--results", again.text()}).run();
  ASSERT_EQ(second.exit_code, 0) << second.out << second.err;
  const auto seeds = [](const std::filesystem::path& results) {
    std::vector<std::pair<std::string, std::int64_t>> all;
    for (const analysis::SummaryRow& row : read_back(results).summary) {
      if (all.empty() || all.back().first != row.case_name) {
        all.emplace_back(row.case_name, row.seed.value_or(-1));
      }
    }
    return all;
  };
  EXPECT_EQ(seeds(folder.path()), seeds(again.path())) << "the same cases in the same order";
  EXPECT_EQ(bench({"--replay", "/nowhere"}).run().exit_code, 2);
}

TEST(Results, AStormCountsWhatFallsTogether) {
  const Finished finished =
      bench({"--storm", "userptr/anon/dontneed/default/preempt/small/64KiB", "--csv"}).run();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  std::istringstream in(finished.out);
  std::string line;
  std::getline(in, line);
  int rates = 0;
  for (; std::getline(in, line); ++rates) {
    std::vector<double> fields;
    std::istringstream parts(line);
    for (std::string field; std::getline(parts, field, ',');) fields.push_back(std::stod(field));
    ASSERT_EQ(fields.size(), 8u) << line;
    EXPECT_GE(fields[3], 1) << line;          // events
    EXPECT_GE(fields[3], fields[4]) << line;  // evictions fall together, never more than events
    EXPECT_GE(fields[4], 1) << line;
  }
  EXPECT_EQ(rates, 9);
  const Finished refused =
      bench({"--storm", "userptr/anon/munmap_end/default/preempt/small/64KiB"}).run();
  EXPECT_EQ(refused.exit_code, 77);
  EXPECT_NE(refused.err.find("made whole again"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace notifier::testing
