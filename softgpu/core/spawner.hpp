// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>

namespace softgpu {

/// A thread that was started before the system-call filter and starts all other threads of the
/// device, so that none of them is filtered: a filter is inherited.
class Spawner {
 public:
  Spawner();

  /// Runs `body` on a new detached thread with all signals but the synchronous ones blocked.
  /// Returns false when the system gives no thread. Not for the supervisor: it takes locks.
  bool start_thread(const char* name, std::function<void()> body);

 private:
  struct Request;
  void serve();

  std::mutex callers_;  // one request at a time
  std::mutex lock_;
  std::condition_variable changed_;
  Request* request_ = nullptr;
};

/// Starts a detached thread from the calling thread, which decides whether it is filtered.
bool start_detached_thread(const char* name, std::function<void()> body);

/// Keeps what `body` has on its stack out of fork's reach: the unused part of the calling thread's
/// stack becomes MADV_WIPEONFORK, neither copied nor write-protected, and `body` runs there.
void run_on_uncopied_stack(const std::function<void()>& body);

}  // namespace softgpu
