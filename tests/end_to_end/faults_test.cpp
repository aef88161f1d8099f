// SPDX-License-Identifier: MIT
// Killed workers, interrupts, full disks, missing rights: nothing that was measured is lost.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "analysis/schema.hpp"
#include "command.hpp"

namespace notifier::testing {
namespace {

/// Two cases that go on until `time_limit_s`, long after the test has acted.
std::vector<std::string> long_run(const TemporaryFolder& folder, const std::string& time_limit_s) {
  return {"--filter",       "userptr/anon/sham/default/preempt/small/(64KiB|4MiB)",
          "--events",       "1000000",
          "--seed",         "1",
          "--results",      folder.text(),
          "--no-self-test", "--case-time-limit",
          time_limit_s};
}

std::vector<analysis::SummaryRow> summary_of(const std::filesystem::path& recording) {
  std::ifstream in(recording / "summary.csv");
  return analysis::read_summary(in, "summary.csv");
}

void expect_valid(const std::filesystem::path& recording) {
  const Finished validated = Command({NOTIFIER_VALIDATE_PROGRAM, recording.string()}).run();
  EXPECT_EQ(validated.exit_code, 0) << validated.out << validated.err;
}

// However fast the machine is, a million events take longer than a second.
TEST(Faults, ACaseThatTakesTooLongKeepsTheEventsItHas) {
  const TemporaryFolder folder;
  const Finished finished = bench(long_run(folder, "1")).run();
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  const std::filesystem::path recording = only_recording(folder.path());
  expect_valid(recording);
  std::int64_t measured = 0;
  for (const analysis::SummaryRow& row : summary_of(recording)) {
    if (row.metric != "syscall_ns" || row.events != analysis::EventSet::kAll) continue;
    EXPECT_EQ(row.status, analysis::Status::kOk);
    EXPECT_NE(row.reason.find("of 1000000 events: time limit of 1 s"), std::string::npos)
        << row.reason;
    EXPECT_GT(row.n, 0);
    ++measured;
  }
  EXPECT_EQ(measured, 2);
}

TEST(Faults, AKilledWorkerIsAFailedRowAndTheSuiteGoesOn) {
  const TemporaryFolder folder;
  const Finished finished = bench(long_run(folder, "3")).run_and_act("[1/2", [](pid_t pid) {
    for (const pid_t worker : children_of(pid)) kill(worker, SIGKILL);
  });
  EXPECT_EQ(finished.exit_code, 1) << finished.out << finished.err;
  const std::filesystem::path recording = only_recording(folder.path());
  expect_valid(recording);
  int failed = 0;
  int ok = 0;
  for (const analysis::SummaryRow& row : summary_of(recording)) {
    if (row.status == analysis::Status::kFailed) {
      ++failed;
      EXPECT_NE(row.reason.find("signal 9"), std::string::npos) << row.reason;
    }
    if (row.status == analysis::Status::kOk) ++ok;
  }
  EXPECT_GT(failed, 0);
  EXPECT_GT(ok, 0);
}

TEST(Faults, AnInterruptKeepsWhatWasMeasured) {
  const TemporaryFolder folder;
  const Finished finished =
      bench(long_run(folder, "20")).run_and_act("[1/2", [](pid_t pid) { kill(pid, SIGINT); });
  EXPECT_EQ(finished.exit_code, 130) << finished.out << finished.err;
  const std::filesystem::path recording = only_recording(folder.path());
  expect_valid(recording);
  std::ifstream in(recording / "manifest.json");
  EXPECT_TRUE(nlohmann::json::parse(in).at("interrupted").get<bool>());
}

TEST(Faults, AFullDiskIsExitCodeFourAndEarlierRowsStay) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--filter", "userptr/anon/sham/default/preempt/small/64KiB", "--events", "150",
             "--runs", "8", "--no-self-test", "--results", folder.text()})
          .before_exec([] {
            constexpr rlim_t kLimitBytes = 90'000;
            const rlimit limit{kLimitBytes, kLimitBytes};
            setrlimit(RLIMIT_FSIZE, &limit);
          })
          .run();
  EXPECT_EQ(finished.exit_code, 4) << finished.out << finished.err;
  EXPECT_NE(finished.err.find("samples.csv"), std::string::npos) << finished.err;
  const std::filesystem::path recording = only_recording(folder.path());
  expect_valid(recording);
  EXPECT_FALSE(summary_of(recording).empty());
}

TEST(Faults, AnUnwritableResultsDirectoryIsExitCodeFour) {
  const TemporaryFolder folder;
  const std::string file = folder.text() + "/file";
  std::ofstream(file) << "in the way";
  const Finished finished =
      bench({"--filter", "userptr/anon/sham/default/preempt/small/64KiB", "--results", file}).run();
  EXPECT_EQ(finished.exit_code, 4) << finished.out << finished.err;
  EXPECT_NE(finished.err.find(file), std::string::npos) << finished.err;
}

/// From now on seccomp(2) fails as on a kernel or in a sandbox that has none.
void take_seccomp_away() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

TEST(Faults, WithoutSeccompNothingCanRunAndItSaysSo) {
  const TemporaryFolder folder;
  const Finished finished =
      bench({"--results", folder.text()}).before_exec(take_seccomp_away).run();
  EXPECT_EQ(finished.exit_code, 77) << finished.out << finished.err;
  EXPECT_NE(finished.err.find("seccomp"), std::string::npos) << finished.err;
}

TEST(Faults, MoreMemoryThanIsFreeIsASkippedRow) {
  const TemporaryFolder folder;
  const auto machine_bytes = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                             static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::string size = std::to_string(machine_bytes / 2 / 4096 * 4096);
  const Finished finished = bench({"--filter", "userptr/anon/sham/default/preempt/small", "--size",
                                   size, "--no-self-test", "--results", folder.text()})
                                .run();
  EXPECT_EQ(finished.exit_code, 77) << finished.out << finished.err;
  const auto rows = summary_of(only_recording(folder.path()));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_NE(rows[0].reason.find("MiB are free"), std::string::npos) << rows[0].reason;
}

}  // namespace
}  // namespace notifier::testing
