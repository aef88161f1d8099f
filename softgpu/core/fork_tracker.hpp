// SPDX-License-Identifier: MIT
// When does a fork end? The call is continued, not executed, by the supervisor (a fork must be done
// by its own thread), so its end has to be found out: libc's atfork handler runs in the parent, and
// for a raw system call the child appears in /proc/self/task/TID/children.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>

#include "softgpu/core/notifier.hpp"

namespace softgpu {

/// Ends of forks under way in this process.
class ForkTracker {
 public:
  explicit ForkTracker(Notifier& notifier) : notifier_(notifier) {}

  // atfork handlers of the forking thread. None allocates.
  void prepare();
  void parent();

  /// Supervisor: the thread's fork-like call, which has hit ranges or not, is about to be
  /// continued. False: too many forks at once, the call must fail.
  bool begin(pid_t thread, bool hit);

  /// Supervisor: the thread makes another call, so a fork of its is over.
  void thread_is_back(pid_t thread);

  /// Ends raw forks whose child has appeared, or whose thread is seen elsewhere.
  void poll();

  /// The thread that forked last; planted faults look for its children.
  pid_t last_thread() const { return last_thread_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kMaximumForks = 64;
  static constexpr std::size_t kMaximumChildren = 512;

  /// One fork. For a raw one: children that existed before are no sign of its end.
  struct Pending {
    pid_t thread = 0;
    bool hit = false;
    bool by_libc = false;
    long user_ticks_before = 0;
    long reaped_before = 0;
    std::size_t children_before = 0;
    std::array<pid_t, kMaximumChildren> children;
  };

  void end(Pending& pending);
  void end_those_over();
  Pending* find_unused();
  bool is_over(const Pending& pending) const;

  Notifier& notifier_;
  std::atomic<pid_t> last_thread_{0};
  std::array<std::atomic<pid_t>, kMaximumForks> in_libc_fork_{};
  std::mutex lock_;  // leaf; its holders only read /proc
  std::array<Pending, kMaximumForks> pending_{};
};

/// The thread's children from /proc/self/task/TID/children, the last `capacity` of them. Returns
/// their number, or -1 when the thread is gone.
int read_children(pid_t thread, pid_t* children, std::size_t capacity);

}  // namespace softgpu
