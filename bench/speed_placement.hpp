// SPDX-License-Identifier: MIT
// Which CPU a thread of a measurement runs on. Caller and supervisor on one, the wave on another:
// where the scheduler puts a wave beside its caller the stop waits for a time slice, and that is
// what would be measured.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <vector>

namespace notifier {

/// Keeps the calling thread on the first CPU of the process, until the object goes. With one CPU
/// nothing is placed.
class CallerPlacement {
 public:
  CallerPlacement();
  ~CallerPlacement();
  CallerPlacement(const CallerPlacement&) = delete;
  CallerPlacement& operator=(const CallerPlacement&) = delete;

 private:
  cpu_set_t before_;
};

/// On the first CPU of the process.
void place_on_first(pid_t thread);
/// On all CPUs of the process but the first.
void place_apart(pid_t thread);
/// Wherever the process may run.
void place_anywhere(pid_t thread);

/// Threads of this process with this name (/proc/self/task/*/comm).
std::vector<pid_t> threads_named(const char* name);

}  // namespace notifier
