// SPDX-License-Identifier: MIT
#include "harness/timer_thread.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace notifier {
namespace {

// cyclictest's usual priority for measurements, and a fifth of its usual interval: several times
// within the shortest stop of a device, which is 1 ms.
constexpr int kPriority = 80;
constexpr std::int64_t kInterval_ns = 200'000;

std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void sleep_until(std::int64_t time_ns) {
  const timespec until{time_ns / 1'000'000'000, time_ns % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}

}  // namespace

TimerThread::TimerThread() : thread_([this] { run(); }) {}

TimerThread::~TimerThread() {
  ending_.store(true, std::memory_order_relaxed);
  thread_.join();
}

void TimerThread::become_real_time() {
  sched_param parameters{};
  parameters.sched_priority = kPriority;
  const int refusal = pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);
  // An ordinary thread's timers are else late by 50 us on purpose.
  if (refusal != 0) prctl(PR_SET_TIMERSLACK, 1UL);
  refusal_.store(refusal, std::memory_order_release);
  refusal_.notify_all();
}

void TimerThread::run() {
  become_real_time();
  std::int64_t next_ns = monotonic_ns();
  while (!ending_.load(std::memory_order_relaxed)) {
    next_ns += kInterval_ns;
    sleep_until(next_ns);
    const std::int64_t now_ns = monotonic_ns();
    const std::int64_t late_ns = now_ns - next_ns;
    const std::lock_guard lock(mutex_);
    ran_ns_ = now_ns;
    worst_ns_ = std::max(worst_ns_, late_ns);
    // Times that have passed meanwhile are part of this lateness, not further ones.
    next_ns += late_ns / kInterval_ns * kInterval_ns;
  }
}

void TimerThread::open() {
  close();  // what was due before is no part of what comes
  const std::lock_guard lock(mutex_);
  worst_ns_ = 0;
  ran_ns_ = 0;  // close() waits for it to run once more
}

double TimerThread::close() {
  // It runs at least once an interval; when it has not, it is late, and by how much is yet to come.
  const std::int64_t due_ns = monotonic_ns() - kInterval_ns;
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (ran_ns_ >= due_ns) return static_cast<double>(worst_ns_);
    }
    sleep_until(monotonic_ns() + kInterval_ns / 4);
  }
}

std::string TimerThread::scheduling() const {
  refusal_.wait(-1, std::memory_order_acquire);
  const int refusal = refusal_.load(std::memory_order_acquire);
  if (refusal == 0) return fmt::format("SCHED_FIFO, priority {}", kPriority);
  return fmt::format("SCHED_OTHER, since SCHED_FIFO was refused ({})", std::strerror(refusal));
}

}  // namespace notifier
