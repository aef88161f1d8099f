// SPDX-License-Identifier: MIT
// notifier_drain when its worker dies or its user has enough.
#include <gmock/gmock.h>
#include <signal.h>

#include <fstream>

#include "analysis/flags.hpp"
#include "analysis/schema.hpp"
#include "command.hpp"

namespace notifier::testing {
namespace {

using ::testing::HasSubstr;

/// Two cases of one XNACK mode that go on until `time_limit_s`, long after the test has acted.
Command long_run(const TemporaryFolder& folder, const std::string& time_limit_s) {
  return Command({NOTIFIER_DRAIN_PROGRAM, "--filter", "sham/default/preempt/job_1ms/64KiB",
                  "--events", "1000000", "--case-time-limit", time_limit_s, "--results",
                  folder.text()});
}

std::vector<analysis::SummaryRow> rows_of(const TemporaryFolder& folder) {
  const std::filesystem::path recording = only_recording(folder.path());
  const Finished validated = Command({NOTIFIER_VALIDATE_PROGRAM, recording.string()}).run();
  EXPECT_EQ(validated.exit_code, 0) << validated.out << validated.err;
  std::ifstream in(recording / "summary.csv");
  return analysis::read_summary(in, "summary.csv");
}

TEST(DrainFaults, AKilledWorkerIsAFailedRowAndTheOtherCaseRuns) {
  const TemporaryFolder folder;
  const Finished finished = long_run(folder, "2").run_and_act("[1/2]", [](pid_t pid) {
    for (const pid_t worker : children_of(pid)) kill(worker, SIGKILL);
  });
  EXPECT_EQ(finished.exit_code, 1) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("1 ok, 0 skipped, 1 failed"));
  int failed = 0;
  for (const analysis::SummaryRow& row : rows_of(folder)) {
    if (row.status != analysis::Status::kFailed) continue;
    ++failed;
    EXPECT_THAT(row.reason, HasSubstr("ended by signal 9"));
    EXPECT_THAT(row.reason, HasSubstr("in phase"));
  }
  EXPECT_GT(failed, 0);
}

TEST(DrainFaults, AnInterruptEndsTheCaseAndKeepsTheRecording) {
  const TemporaryFolder folder;
  const Finished finished =
      long_run(folder, "60").run_and_act("[1/2]", [](pid_t pid) { kill(pid, SIGINT); });
  EXPECT_EQ(finished.exit_code, 130) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("0 ok, 0 skipped, 0 failed"));
  int interrupted = 0;
  for (const analysis::SummaryRow& row : rows_of(folder)) {
    interrupted += analysis::has_flag(row.flags, "interrupted") ? 1 : 0;
  }
  EXPECT_GT(interrupted, 0);
}

}  // namespace
}  // namespace notifier::testing
