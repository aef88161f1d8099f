// SPDX-License-Identifier: MIT
// The software GPU of this process: one object, made by the first HIP or hsakmt call, never freed
// (its threads run until the process ends).
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "softgpu/core/audit.hpp"
#include "softgpu/core/driver_events.hpp"
#include "softgpu/core/engine.hpp"
#include "softgpu/core/fault_server.hpp"
#include "softgpu/core/fork_tracker.hpp"
#include "softgpu/core/memory.hpp"
#include "softgpu/core/migrator.hpp"
#include "softgpu/core/notifier.hpp"
#include "softgpu/core/queue.hpp"
#include "softgpu/core/registry.hpp"
#include "softgpu/core/restore.hpp"
#include "softgpu/core/settings.hpp"
#include "softgpu/core/spawner.hpp"
#include "softgpu/core/supervisor.hpp"
#include "softgpu/core/wave.hpp"

namespace softgpu {

struct FatalFault {
  std::uintptr_t device_address;
  Access access;
  TranslationFault reason;
};

/// True: the program has taken note, so the process goes on without its queues.
struct FaultHandler {
  bool (*tell)(const FatalFault& fault, void* data) = nullptr;
  void* data = nullptr;
};

class Device {
 public:
  Device(Settings settings, std::unique_ptr<Engine> engine);

  const Settings& settings() const { return settings_; }
  Engine* engine() { return engine_.get(); }  // null: the software MMU
  std::uint64_t clock_ticks() const;          // the device clock now
  const char* name() const;
  Registry& registry() { return registry_; }
  WaveTable& waves() { return waves_; }

  /// Whether SVM uses retry faults (XNACK). Can be changed while there are neither queues nor SVM
  /// ranges, as in KFD; false when it cannot.
  bool retry_faults() { return memory_.retry_faults(); }
  bool set_retry_faults(bool enable);

  DriverEvents& events() { return events_; }
  Spawner& spawner() { return spawner_; }
  Queues& queues() { return queues_; }
  Auditor& auditor() { return auditor_; }
  ForkTracker& forks() { return forks_; }
  Memory& memory() { return memory_; }
  Migrator& migrator() { return migrator_; }
  Supervisor& supervisor() { return supervisor_; }
  RestoreWorker& restore_worker() { return restore_worker_; }
  FaultServer& fault_server() { return fault_server_; }

  /// A wave hit an entry that is invalid while it runs: the model is wrong. Emits the event and
  /// returns a translation of the one page through the CPU's page table, as stale hardware would.
  Translation report_protocol_violation(std::uintptr_t device_address);

  /// Memory access fault of the calling wave: event, then the handler, or message and abort
  /// (kfd_facts §0.10). After a handler all queues of the process stay stopped.
  [[noreturn]] void raise_memory_fault(Wave& wave, const FatalFault& fault);

  /// False when there is a handler already.
  bool set_fault_handler(const FaultHandler& handler);

 private:
  const Settings settings_;
  const std::unique_ptr<Engine> engine_;
  const Pagemap pagemap_;
  Registry registry_;
  WaveTable& waves_;
  DriverEvents& events_;
  Spawner spawner_;
  Queues queues_;
  Auditor auditor_;
  Notifier notifier_;
  ForkTracker forks_;
  Vram vram_;
  Migrator migrator_;
  Memory memory_;
  Supervisor supervisor_;
  RestoreWorker restore_worker_;
  FaultServer fault_server_;
  std::mutex fault_handler_lock_;
  FaultHandler fault_handler_;
};

/// Makes the device on the first call. Returns an empty string, or why there is none; the answer
/// does not change later, except that a forked child has no device.
const std::string& start_device();

/// The device; start_device() must have succeeded.
Device& device();

}  // namespace softgpu
