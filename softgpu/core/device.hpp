// SPDX-License-Identifier: MIT
// The software GPU of this process: one object, made by the first HIP or hsakmt call, never freed
// (its threads run until the process ends).
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "softgpu/core/driver_events.hpp"
#include "softgpu/core/queue.hpp"
#include "softgpu/core/registry.hpp"
#include "softgpu/core/settings.hpp"
#include "softgpu/core/spawner.hpp"
#include "softgpu/core/wave.hpp"

namespace softgpu {

class Memory;

class Device {
 public:
  explicit Device(Settings settings);

  const Settings& settings() const { return settings_; }
  Registry& registry() { return registry_; }
  WaveTable& waves() { return waves_; }
  DriverEvents& events() { return events_; }
  Spawner& spawner() { return spawner_; }
  Queues& queues() { return queues_; }
  Memory& memory() { return *memory_; }

  /// A wave hit an entry that is invalid while it runs: the model is wrong. Emits the event and
  /// returns a translation of the one page through the CPU's page table, as stale hardware would.
  Translation report_protocol_violation(std::uintptr_t device_address);

  /// Memory access fault: event, message, abort (kfd_facts §0.10: the default of ROCr).
  [[noreturn]] void raise_memory_fault(std::uintptr_t device_address, Access access,
                                       TranslationFault fault);

 private:
  Settings settings_;
  Registry registry_;
  WaveTable& waves_;
  DriverEvents& events_;
  Spawner spawner_;
  Queues queues_;
  std::unique_ptr<Memory> memory_;
};

/// Makes the device on the first call. Returns an empty string, or why there is none; the answer
/// does not change later. In a forked child there is never a device.
const std::string& start_device();

/// The device; start_device() must have succeeded.
Device& device();

}  // namespace softgpu
