// SPDX-License-Identifier: MIT
// A thread that wants to run at fixed times, as cyclictest's, and how late it was at worst.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace notifier {

class TimerThread {
 public:
  /// Begins at once: SCHED_FIFO where this process may have that.
  TimerThread();
  ~TimerThread();
  TimerThread(const TimerThread&) = delete;
  TimerThread& operator=(const TimerThread&) = delete;

  /// Forgets what was.
  void open();
  /// Worst lateness since open(), in ns, of the times up to now; waits for the one that is due.
  double close();
  /// "SCHED_FIFO, priority 80", or the policy it has instead and why.
  std::string scheduling() const;

 private:
  void run();
  void become_real_time();

  std::atomic<bool> ending_{false};
  std::atomic<int> refusal_{-1};  // errno of SCHED_FIFO, 0: granted, -1: not asked yet
  std::mutex mutex_;              // the thread takes it only after it has read the clock
  std::int64_t ran_ns_ = 0;       // last time that it ran, CLOCK_MONOTONIC
  std::int64_t worst_ns_ = 0;
  std::thread thread_;
};

}  // namespace notifier
