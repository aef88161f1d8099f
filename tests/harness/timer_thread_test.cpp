// SPDX-License-Identifier: MIT
#include "harness/timer_thread.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>

namespace notifier {
namespace {

constexpr uid_t kNobody = 65534;
constexpr std::int64_t kInterval_ns = 200'000;

/// What a process with a timer thread found. It is stopped between its open() and its close().
struct Report {
  double worst_ns = 0;
  std::array<char, 128> scheduling{};
};

class TimedProcess {
 public:
  explicit TimedProcess(std::optional<uid_t> user) {
    if (pipe(to_it_) != 0 || pipe(from_it_) != 0) ADD_FAILURE() << "pipe";
    pid_ = fork();
    if (pid_ == 0) run(user);
  }
  ~TimedProcess() {
    waitpid(pid_, nullptr, 0);
    for (const int end : {to_it_[0], to_it_[1], from_it_[0], from_it_[1]}) close(end);
  }

  void await_open() {
    char byte = 0;
    if (read(from_it_[0], &byte, 1) != 1) ADD_FAILURE() << "it never began";
  }
  void stand_still(std::int64_t duration_ns) const {
    kill(pid_, SIGSTOP);
    int status = 0;
    waitpid(pid_, &status, WUNTRACED);
    EXPECT_TRUE(WIFSTOPPED(status));
    const timespec pause{0, duration_ns};
    nanosleep(&pause, nullptr);
    kill(pid_, SIGCONT);
  }
  Report report() {
    Report report;
    if (write(to_it_[1], "x", 1) != 1 || read(from_it_[0], &report, sizeof(report)) < 1) {
      ADD_FAILURE() << "no report";
    }
    return report;
  }

 private:
  [[noreturn]] void run(std::optional<uid_t> user) {
    alarm(60);
    if (user && setuid(*user) != 0) _exit(1);
    TimerThread timer;
    const std::string scheduling = timer.scheduling();
    timer.open();
    char byte = 'o';
    if (write(from_it_[1], &byte, 1) != 1 || read(to_it_[0], &byte, 1) != 1) _exit(1);
    Report report;
    report.worst_ns = timer.close();
    std::strncpy(report.scheduling.data(), scheduling.c_str(), report.scheduling.size() - 1);
    _exit(write(from_it_[1], &report, sizeof(report)) == sizeof(report) ? 0 : 1);
  }

  int to_it_[2] = {-1, -1};
  int from_it_[2] = {-1, -1};
  pid_t pid_ = 0;
};

TEST(TimerThread, IsAsLateAsItsProcessStoodStill) {
  constexpr std::int64_t kStop_ns = 30'000'000;
  TimedProcess process({});
  process.await_open();
  process.stand_still(kStop_ns);
  // It wanted to run at the latest one interval after the stop had begun.
  EXPECT_GE(process.report().worst_ns, kStop_ns - kInterval_ns);
}

TEST(TimerThread, OpenForgets) {
  TimerThread timer;
  timer.open();
  EXPECT_GE(timer.close(), 0);
  const double first_ns = timer.close();
  EXPECT_GE(timer.close(), first_ns) << "it only forgets when told to";
}

TEST(TimerThread, SaysWhatItMayNot) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give up what it may";
  TimedProcess process(kNobody);
  process.await_open();
  const std::string said = process.report().scheduling.data();
  EXPECT_EQ(said, "SCHED_OTHER, since SCHED_FIFO was refused (Operation not permitted)");
}

}  // namespace
}  // namespace notifier
