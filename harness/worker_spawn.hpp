// SPDX-License-Identifier: MIT
// Starts this program again as a worker, and a bystander process beside it where one is wanted.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "harness/file_descriptor.hpp"

namespace notifier {

struct SpawnedWorker {
  pid_t pid = 0;
  FileDescriptor socket;    // our end
  pid_t bystander_pid = 0;  // 0: none
};

/// With `environment` on top of ours; kWithBystanderVariable in it asks for the second process.
/// Throws std::system_error when no process can be started.
SpawnedWorker spawn_worker(const std::map<std::string, std::string>& environment);

/// SIGKILL, then waits a bounded time. False when the process is still there.
bool kill_and_reap(pid_t pid, int& wait_status);

}  // namespace notifier
