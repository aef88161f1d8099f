// SPDX-License-Identifier: MIT
// Everything that the environment decides, read once.
#pragma once

#include <cstdint>
#include <string>

namespace softgpu {

enum class AuditLevel {
  kOff,
  kRestore,  // off the caller's path: while waves are stopped, and where memory leaves the device
  kFull,     // also every page of every range before each held call proceeds
};

enum class Plant {
  kNone,
  kStale,
  kForeign,
  kLost,
  kTorn,
  kZero,
  kSkipHook,
  kEarlyResume,
  kLostCopyBack,     // migration home: a page comes back empty
  kStaleDeviceCopy,  // migration home: the device goes on with its copy of a page
  kLostContext,      // a preempted wave gets a word of an older save back, ...
  kTornContext,      // ... the upper half of one, ...
  kZeroContext,      // ... or nothing in its place
  kSlowRestore,      // damages nothing: a slowdown of known size, for tests of comparisons
  kWide,             // damages nothing: each held call invalidates all memory, not what it names
};

enum class EngineKind {
  kSoftware,  // the software MMU on threads
  kKvm,       // vCPUs (softgpu/kvm)
};

inline constexpr std::uint32_t kMostDevices = 8;

struct Settings {
  EngineKind engine = EngineKind::kSoftware;  // SOFTGPU_ENGINE=software|kvm
  std::uint32_t kvm_slots = UINT32_MAX;       // SOFTGPU_KVM_SLOTS: fewer than the kernel has
  std::uint32_t devices = 1;                  // SOFTGPU_DEVICES
  std::uint32_t waves = 1;                    // SOFTGPU_WAVES, of each device
  std::uint64_t vram_bytes = 0;               // SOFTGPU_VRAM of each, bytes or with suffix K, M, G
  std::uint64_t wait_limit_ms = 10'000;       // SOFTGPU_WAIT_LIMIT_MS
  bool delays = true;                         // SOFTGPU_DELAYS=off: KFD's delays pass at once
  bool retry_faults = false;                  // HSA_XNACK=1 (kfd_facts §7)
  bool wait_for_jobs = false;                 // SOFTGPU_CWSR=0: waves cannot be saved
  AuditLevel audit = AuditLevel::kRestore;    // SOFTGPU_AUDIT=off|restore|full
  Plant plant = Plant::kNone;                 // SOFTGPU_PLANT
  std::string plant_hook;                     // SOFTGPU_PLANT=skip_hook:<hook>
  std::uint32_t slower_percent = 0;           // SOFTGPU_PLANT=slow_restore:<percent>
};

/// Reads the environment. Returns an empty string, or what is wrong with it.
std::string read_settings(Settings& settings);

}  // namespace softgpu
