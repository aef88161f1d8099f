// SPDX-License-Identifier: MIT
// Undoes an mprotect whose author did not come back in time. On a real GPU the queues of the
// process stand until write permission returns (kfd_facts §0.11), and the driver tries again every
// millisecond for as long.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

#include "file_descriptor.hpp"

namespace notifier {

// One thread, started beforehand. Between arm() and disarm() it neither allocates nor touches the
// protected memory, and its stack is resident, so nothing that the mprotect may have stopped can
// stop it.
class ProtectionWatchdog {
 public:
  /// Throws std::system_error when a timer or a thread cannot be had.
  ProtectionWatchdog();
  ~ProtectionWatchdog();
  ProtectionWatchdog(const ProtectionWatchdog&) = delete;
  ProtectionWatchdog& operator=(const ProtectionWatchdog&) = delete;

  /// Call before the mprotect. `protection` is what the range gets back after `limit`.
  void arm(void* begin, std::size_t size_bytes, int protection, std::chrono::nanoseconds limit);

  /// Call after the memory has its rights back. Returns whether the watchdog had to step in.
  bool disarm();

  /// Returns when the armed limit has passed and the range has its rights back.
  void wait_until_fired();

 private:
  void run();
  void set_timer(std::chrono::nanoseconds limit);

  FileDescriptor timer_;
  FileDescriptor stop_event_;
  std::mutex mutex_;  // guards all below
  std::condition_variable fired_changed_;
  void* begin_ = nullptr;
  std::size_t size_bytes_ = 0;
  int protection_ = 0;
  bool armed_ = false;
  bool fired_ = false;
  std::thread thread_;
};

}  // namespace notifier
