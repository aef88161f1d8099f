// SPDX-License-Identifier: MIT
// Events that the driver reports as text lines: KFD's SMI events (kfd_smi_events.c, kfd_ioctl.h;
// formats and their history in kfd_facts §5) and softgpu's own, whose ids lie outside KFD's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace notifier {

enum class DriverEventKind : std::uint8_t {
  kUnknown,          // an id that this code does not know; only `raw` says more
  kVmFault,          // 0x01
  kThermalThrottle,  // 0x02
  kGpuPreReset,      // 0x03
  kGpuPostReset,     // 0x04
  kMigrateStart,     // 0x05
  kMigrateEnd,       // 0x06
  kPageFaultStart,   // 0x07
  kPageFaultEnd,     // 0x08
  kQueueEviction,    // 0x09
  kQueueRestore,     // 0x0a
  kUnmapFromGpu,     // 0x0b
  kProcessStart,     // 0x0c
  kProcessEnd,       // 0x0d
  kLostCpu,          // 0x31, softgpu: a wave thread lost its CPU while it was not parked
  kProtocol,         // 0x32, softgpu: access through a device PTE that was not valid
  kMissed,           // 0x33, softgpu: a PFN changed without an invalidation
  kDeviceFault,      // 0x34, softgpu: fatal access fault of a wave
  kStopReport,       // 0x35, softgpu: when one stop of the queues went through its phases
};

// Why queues were evicted (enum KFD_QUEUE_EVICTION_TRIGGERS).
enum class EvictionTrigger : std::uint32_t {
  kSvm = 0,
  kUserptr = 1,
  kTtm = 2,
  kSuspend = 3,
  kCriuCheckpoint = 4,
  kCriuRestore = 5,
};

// What pages were moved for (enum KFD_MIGRATE_TRIGGERS).
enum class MigrateTrigger : std::uint32_t {
  kPrefetch = 0,
  kPageFaultGpu = 1,
  kPageFaultCpu = 2,
  kTtmEviction = 3,
};

/// Name as used in CSV and messages, for example "queue_eviction".
std::string_view driver_event_name(DriverEventKind kind);

/// Name of the trigger number of an event of this kind, or "" if it has none or is not known.
std::string_view driver_event_trigger_name(DriverEventKind kind, std::uint32_t trigger);

// Text of bounded length without an allocation: the thread that collects events must not change
// the address space it observes (a growing malloc arena calls mprotect or brk).
class BoundedText {
 public:
  static constexpr std::size_t kCapacity = 128;  // KFD_SMI_EVENT_MSG_SIZE is 96

  BoundedText() = default;
  explicit BoundedText(std::string_view text);
  std::string_view view() const { return {bytes_.data(), size_}; }
  bool truncated() const { return truncated_; }

 private:
  std::array<char, kCapacity> bytes_{};
  std::uint8_t size_ = 0;
  bool truncated_ = false;
};

// Of kStopReport: ns from boottime_ns, the eviction; empty where the driver does not know.
struct StopReport {
  std::optional<std::int64_t> notified;       // the notifier let the held call go on
  std::optional<std::int64_t> restore_began;  // change done, restore work begins
  std::optional<std::int64_t> first_parked;   // the waves themselves, by the CPU's clock
  std::optional<std::int64_t> last_parked;
  std::optional<std::int64_t> first_resumed;
  std::optional<std::int64_t> last_resumed;
};

// One event. Fields that the line does not carry are empty. Pages are the driver's pages
// (PAGE_SIZE of the kernel), as printed.
struct DriverEvent {
  DriverEventKind kind = DriverEventKind::kUnknown;
  std::uint32_t id = 0;
  std::optional<std::int64_t> boottime_ns;  // CLOCK_BOOTTIME; taken before the action (§0.22)
  std::optional<std::int32_t> pid;          // may be a host pid inside a container (§5)
  std::optional<std::uint32_t> gpu_id;
  std::optional<std::uint32_t> trigger;
  bool rescheduled = false;  // restore only: the queues were NOT resumed
  std::optional<std::uint64_t> address_pages;
  std::optional<std::uint64_t> size_pages;
  std::optional<std::uint64_t> address_bytes;  // softgpu's kProtocol and kDeviceFault
  std::optional<std::uint32_t> from_node;
  std::optional<std::uint32_t> to_node;
  std::optional<std::uint32_t> prefetch_node;
  std::optional<std::uint32_t> preferred_node;
  std::optional<std::int32_t> error;    // migrate end, newer kernels
  std::optional<char> access;           // 'R' or 'W'
  std::optional<bool> migrated;         // page fault end: 'M' true, 'U' (mapped only) false
  std::optional<std::uint32_t> wave;    // kLostCpu
  std::optional<std::int64_t> lost_ns;  // kLostCpu
  std::optional<std::int32_t> protocol_kind;
  std::optional<std::uint64_t> sequence;  // reset sequence number, throttle counter
  std::optional<StopReport> stop;         // kStopReport
  BoundedText raw;                        // the line without newline and NUL bytes

  /// Address of the first byte and length in bytes, where the event names pages.
  std::optional<std::uint64_t> begin_bytes(std::uint64_t page_size_bytes) const;
  std::optional<std::uint64_t> size_bytes(std::uint64_t page_size_bytes) const;
};

}  // namespace notifier
