// SPDX-License-Identifier: MIT
#include "softgpu/core/fork_tracker.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace softgpu {
namespace {

// The thread was in the kernel when its fork was reported. User time is sampled by ticks of at most
// 10 ms (proc_pid_stat(5), USER_HZ); three of them in user mode are no error of sampling.
constexpr long kUserTicksAfterFork = 3;

pid_t this_thread() { return static_cast<pid_t>(syscall(SYS_gettid)); }

int open_of_thread(pid_t thread, const char* file) {
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/self/task/%d/%s", thread, file);
  return open(path, O_RDONLY | O_CLOEXEC);
}

bool is_fork_call(long number) {
#ifdef SYS_fork
  if (number == SYS_fork) {
    return true;
  }
#endif
  return number == SYS_clone;
}

/// False when there is nothing to read. What was read ends with a zero byte.
bool read_of_thread(pid_t thread, const char* file, char* text, std::size_t capacity) {
  const int descriptor = open_of_thread(thread, file);
  if (descriptor < 0) {
    return false;
  }
  const ssize_t got = read(descriptor, text, capacity - 1);
  close(descriptor);
  text[got > 0 ? got : 0] = '\0';
  return got > 0;
}

/// Whether the thread sleeps, and elsewhere than in a fork: in another call, or at a page fault
/// (/proc/PID/syscall then starts with -1; proc(5)).
bool sleeps_elsewhere(pid_t thread) {
  char text[32];
  if (!read_of_thread(thread, "syscall", text, sizeof(text)) || text[0] == 'r') {
    return false;  // "running"
  }
  return !is_fork_call(std::strtol(text, nullptr, 10));
}

/// User time of the thread in USER_HZ ticks; field 14 of /proc/PID/stat (proc_pid_stat(5)).
long user_ticks(pid_t thread) {
  char text[512];
  if (!read_of_thread(thread, "stat", text, sizeof(text))) {
    return 0;
  }
  const char* at = std::strrchr(text, ')');  // the name before it may hold blanks
  for (int field = 2; at != nullptr && field < 14; ++field) {
    at = std::strchr(at + 1, ' ');
  }
  return at != nullptr ? std::strtol(at, nullptr, 10) : 0;
}

/// Grows whenever a child is reaped: every child takes page faults.
long faults_of_reaped_children() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return usage.ru_minflt;
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

ForkTracker::Pending* ForkTracker::find_unused() {
  auto* unused = std::find_if(pending_.begin(), pending_.end(),
                              [](const Pending& pending) { return pending.thread == 0; });
  return unused != pending_.end() ? unused : nullptr;
}

bool ForkTracker::begin(pid_t thread, bool hit) {
  const std::lock_guard lock(lock_);
  Pending* unused = find_unused();
  if (unused == nullptr) {
    end_those_over();  // nobody may have waited for them
    unused = find_unused();
  }
  if (unused == nullptr) {
    return false;
  }
  last_thread_.store(thread, std::memory_order_relaxed);
  unused->thread = thread;
  unused->hit = hit;
  unused->by_libc =
      std::any_of(in_libc_fork_.begin(), in_libc_fork_.end(),
                  [&](const std::atomic<pid_t>& slot) { return slot.load() == thread; });
  unused->children_before = 0;
  unused->user_ticks_before = user_ticks(thread);
  unused->reaped_before = faults_of_reaped_children();
  if (!unused->by_libc) {
    unused->children_before = static_cast<std::size_t>(
        std::max(0, read_children(thread, unused->children.data(), kMaximumChildren)));
  }
  return true;
}

void ForkTracker::end(Pending& pending) {
  pending.thread = 0;
  notifier_.end(pending.hit);
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
  // Reaped between two looks: every child takes page faults, and whoever waits for it gets them.
  // Where SIGCHLD is ignored nobody does, and only the thread's own progress tells.
  return sleeps_elsewhere(pending.thread) || faults_of_reaped_children() != pending.reaped_before ||
         user_ticks(pending.thread) - pending.user_ticks_before >= kUserTicksAfterFork;
}

void ForkTracker::poll() {
  const std::lock_guard lock(lock_);
  end_those_over();
}

void ForkTracker::end_those_over() {
  for (Pending& pending : pending_) {
    if (pending.thread != 0 && !pending.by_libc && is_over(pending)) {
      end(pending);
    }
  }
}

}  // namespace softgpu
