// SPDX-License-Identifier: MIT
#include "softgpu/core/fork_tracker.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "softgpu/core/clock.hpp"
#include "softgpu/core/report.hpp"

namespace softgpu {
namespace {

// A raw fork that leaves no trace for so long has failed; the thread computes in user mode.
constexpr std::uint64_t kForkLimitNs = 10'000'000'000;

pid_t this_thread() { return static_cast<pid_t>(syscall(SYS_gettid)); }

int open_of_thread(pid_t thread, const char* file) {
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/self/task/%d/%s", thread, file);
  return open(path, O_RDONLY | O_CLOEXEC);
}

/// The system call in which the thread sleeps, or -1: running, or not in a call.
long sleeping_in(pid_t thread) {
  const int descriptor = open_of_thread(thread, "syscall");
  if (descriptor < 0) {
    return -1;
  }
  char text[32] = {};
  const ssize_t got = read(descriptor, text, sizeof(text) - 1);
  close(descriptor);
  if (got <= 0 || text[0] < '0' || text[0] > '9') {
    return -1;
  }
  return std::strtol(text, nullptr, 10);
}

/// Grows whenever a child is reaped: every child takes page faults.
long faults_of_reaped_children() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return usage.ru_minflt;
}

bool is_fork_call(long number) {
#ifdef SYS_fork
  if (number == SYS_fork) {
    return true;
  }
#endif
  return number == SYS_clone;
}

}  // namespace

int read_children(pid_t thread, pid_t* children, std::size_t capacity) {
  const int descriptor = open_of_thread(thread, "children");
  if (descriptor < 0) {
    return -1;
  }
  std::size_t count = 0;
  pid_t number = 0;
  char text[1024];
  for (ssize_t got = read(descriptor, text, sizeof(text)); got > 0;
       got = read(descriptor, text, sizeof(text))) {
    for (ssize_t at = 0; at < got; ++at) {
      if (text[at] >= '0' && text[at] <= '9') {
        number = number * 10 + (text[at] - '0');
      } else if (number != 0) {
        children[count++ % capacity] = number;
        number = 0;
      }
    }
  }
  close(descriptor);
  return static_cast<int>(std::min(count, capacity));
}

void ForkTracker::prepare() {
  const pid_t thread = this_thread();
  for (std::atomic<pid_t>& slot : in_libc_fork_) {
    pid_t unused = 0;
    if (slot.compare_exchange_strong(unused, thread)) {
      return;
    }
  }
  // No slot: the fork's end is found as that of a raw call.
}

void ForkTracker::parent() {
  const pid_t thread = this_thread();
  for (std::atomic<pid_t>& slot : in_libc_fork_) {
    if (slot.load() == thread) {
      slot.store(0);
    }
  }
  thread_is_back(thread);
}

bool ForkTracker::begin(pid_t thread) {
  const std::lock_guard lock(lock_);
  auto* unused = std::find_if(pending_.begin(), pending_.end(),
                              [](const Pending& pending) { return pending.thread == 0; });
  if (unused == pending_.end()) {
    return false;
  }
  last_thread_.store(thread, std::memory_order_relaxed);
  unused->thread = thread;
  unused->by_libc =
      std::any_of(in_libc_fork_.begin(), in_libc_fork_.end(),
                  [&](const std::atomic<pid_t>& slot) { return slot.load() == thread; });
  unused->children_before = 0;
  unused->started_ns = read_clock_ns(CLOCK_MONOTONIC);
  unused->reaped_before = faults_of_reaped_children();
  if (!unused->by_libc) {
    unused->children_before = static_cast<std::size_t>(
        std::max(0, read_children(thread, unused->children.data(), kMaximumChildren)));
  }
  return true;
}

void ForkTracker::end(Pending& pending) {
  pending.thread = 0;
  notifier_.end();
}

void ForkTracker::thread_is_back(pid_t thread) {
  const std::lock_guard lock(lock_);
  for (Pending& pending : pending_) {
    if (pending.thread == thread) {
      end(pending);
    }
  }
}

bool ForkTracker::is_over(const Pending& pending) const {
  std::array<pid_t, kMaximumChildren> now;
  const int count = read_children(pending.thread, now.data(), now.size());
  if (count < 0) {
    return true;
  }
  const auto* const known_end = pending.children.begin() + pending.children_before;
  const bool has_new_child = std::any_of(now.begin(), now.begin() + count, [&](pid_t child) {
    return std::find(pending.children.begin(), known_end, child) == known_end;
  });
  if (has_new_child) {
    return true;
  }
  if (const long number = sleeping_in(pending.thread); number >= 0) {
    return !is_fork_call(number);
  }
  if (faults_of_reaped_children() != pending.reaped_before) {
    return true;  // the child has come and gone between two looks
  }
  if (read_clock_ns(CLOCK_MONOTONIC) - pending.started_ns > kForkLimitNs) {
    report("fork by thread %d: no child and no end in 10 s, taken for failed", pending.thread);
    return true;
  }
  return false;
}

void ForkTracker::poll() {
  const std::lock_guard lock(lock_);
  for (Pending& pending : pending_) {
    if (pending.thread != 0 && !pending.by_libc && is_over(pending)) {
      end(pending);
    }
  }
}

}  // namespace softgpu
