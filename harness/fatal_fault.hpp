// SPDX-License-Identifier: MIT
// A fatal fault of the device, taken by this process instead of ending it. By default ROCr prints
// "Memory access fault by GPU node" and aborts (kfd_facts §0.10); a handler that answers with
// success keeps the process, but its queues never run again.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

namespace notifier {

struct FatalFault {
  std::int64_t raw_ns = 0;           // CLOCK_MONOTONIC_RAW when the runtime told us
  std::uint64_t device_address = 0;  // page
  std::uint32_t reason_mask = 0;     // hsa_amd_memory_fault_reason_t
};

class FatalFaultWatch {
 public:
  /// Registers the one handler of the process, at the first call. Throws CannotPerform where the
  /// runtime has no such function or already has a handler.
  static FatalFaultWatch& instance();

  /// The first fault, once it has come.
  std::optional<FatalFault> seen() const;

  /// For the handler: notes the first fault.
  void note(std::uint64_t device_address, std::uint32_t reason_mask);

 private:
  FatalFaultWatch();

  FatalFault fault_;
  std::atomic<int> stage_{0};  // 1: somebody writes fault_, 2: it is written
};

}  // namespace notifier
