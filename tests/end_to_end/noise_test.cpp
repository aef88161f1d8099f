// SPDX-License-Identifier: MIT
// Another process that forks, maps and fills memory as fast as it can: its calls are none of ours.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "analysis/schema.hpp"
#include "command.hpp"

namespace notifier::testing {
namespace {

using ::testing::HasSubstr;

#if defined(__SANITIZE_THREAD__)
constexpr bool kRoomForANeighbour = false;  // its shadow may lie beside the workload's memory
#else
constexpr bool kRoomForANeighbour = true;
#endif
constexpr const char* kNoise = "/usr/bin/stress-ng";

/// stress-ng, from here until stop().
class Noise {
 public:
  explicit Noise(const std::filesystem::path& folder) : log_(folder / "noise.log") {
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int log = open(log_.c_str(), O_WRONLY | O_CREAT, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execl(kNoise, kNoise, "--fork", "1", "--vm", "1", "--vm-bytes", "32M", "--mmap", "1",
          "--mmap-bytes", "16M", "--timeout", "170", "--metrics-brief", "--temp-path",
          folder.c_str(), nullptr);
    _exit(127);
  }
  ~Noise() { stop(); }
  Noise(const Noise&) = delete;
  Noise& operator=(const Noise&) = delete;

  /// Ends it. Its own account of what it did, as (stressor, operations).
  std::map<std::string, double> stop() {
    std::map<std::string, double> operations;
    if (pid_ == 0) return operations;
    kill(pid_, SIGINT);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
    std::ifstream in(log_);
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line);
      std::string program;
      std::string kind;
      std::string pid;
      std::string stressor;
      double count = 0;
      if (words >> program >> kind >> pid >> stressor >> count) operations[stressor] = count;
    }
    return operations;
  }

 private:
  std::filesystem::path log_;
  pid_t pid_ = 0;
};

TEST(ExternalNoise, EvictsNothingOfOursAndSpoilsNoData) {
  if (access(kNoise, X_OK) != 0) GTEST_SKIP() << "stress-ng is not installed";
  const TemporaryFolder folder;
  Noise noise(folder.path());
  const TemporaryFolder results;
  // Enough events that the noise is at work beside most of them.
  const Finished finished = bench({"--filter",
                                   "^userptr/anon/(none|sham|munmap_neighbour)/default/preempt/"
                                   "small/4MiB$",
                                   "--events", "40", "--no-self-test", "--results", results.text()})
                                .run();
  const std::map<std::string, double> operations = noise.stop();
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  const bool without_neighbour =
      !kRoomForANeighbour && finished.out.find("1 skipped") != std::string::npos;
  EXPECT_THAT(finished.out,
              HasSubstr(without_neighbour ? "2 ok, 1 skipped, 0 failed; 0 integrity violations"
                                          : "3 ok, 0 skipped, 0 failed; 0 integrity violations"));
  for (const char* stressor : {"fork", "vm", "mmap"}) {
    ASSERT_TRUE(operations.contains(stressor)) << stressor;
    EXPECT_GE(operations.at(stressor), 1) << stressor;
  }
  std::ifstream in(only_recording(results.path()) / "samples.csv");
  analysis::RowReader<analysis::SampleRow> reader(analysis::sample_columns(), in, "samples.csv");
  int events = 0;
  for (analysis::SampleRow row; reader.next(row); ++events) {
    EXPECT_EQ(row.evictions, 0) << row.case_name << ", event " << row.event;
    EXPECT_EQ(row.restores, 0);
  }
  EXPECT_GE(events, without_neighbour ? 80 : 120);
}

}  // namespace
}  // namespace notifier::testing
