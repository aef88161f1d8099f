// SPDX-License-Identifier: MIT
// The driver's SMI event lines (kernel kfd_smi_events.c; kfd_facts §5) and softgpu's own.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <mutex>

#include "softgpu/core/registry.hpp"
#include "softgpu/core/stop_times.hpp"

namespace softgpu {

/// KSMI ids of linux/kfd_ioctl.h, then softgpu's own. A mask bit is id - 1.
enum class EventId : std::uint32_t {
  kMigrateStart = 5,
  kMigrateEnd = 6,
  kPageFaultStart = 7,
  kPageFaultEnd = 8,
  kQueueEviction = 9,
  kQueueRestore = 10,
  kUnmapFromGpu = 11,
  kLostCpu = 0x31,
  kProtocol = 0x32,
  kMissed = 0x33,
  kDeviceFault = 0x34,
  kStopReport = 0x35,
};

/// KFD_QUEUE_EVICTION_TRIGGER_*.
enum class EvictionTrigger : int { kSvm = 0, kUserptr = 1 };

/// KFD_SVM_UNMAP_TRIGGER_*.
enum class UnmapTrigger : int { kMmuNotify = 0, kMmuNotifyMigrate = 1, kUnmapFromCpu = 2 };

/// KFD_MIGRATE_TRIGGER_*.
enum class MigrateTrigger : int {
  kPrefetch = 0,
  kPageFaultGpu = 1,
  kPageFaultCpu = 2,
  kTtmEviction = 3
};

/// One migration, as its lines tell of it. Nodes are gpu ids, kHostNode for system memory.
struct Migration {
  static constexpr std::uint32_t kHostNode = 0;
  static constexpr std::uint32_t kUndefinedNode = 0xFFFFFFFF;

  std::uint32_t device = 0;  // whose memory is the source or the destination
  std::uintptr_t address = 0;
  std::uintptr_t size_bytes = 0;
  std::uint32_t from_node = kHostNode;
  std::uint32_t to_node = kHostNode;
  std::uint32_t prefetch_node = kUndefinedNode;
  std::uint32_t preferred_node = kUndefinedNode;
  MigrateTrigger trigger = MigrateTrigger::kPrefetch;
};

/// KFD's id of a device.
inline constexpr std::uint32_t gpu_id(std::uint32_t device) { return 0x50F7 + device; }

/// What was found at a wrong device page-table entry.
enum class ProtocolViolation : int {
  kAccessWhileInvalid = 1,   // a wave used an entry that is invalid or under invalidation
  kRunningWhileEvicted = 2,  // a wave ran while a held call was about to proceed
};

/// Fan-out of event lines to all open SMI descriptors. Emitting neither allocates nor blocks: the
/// supervisor emits while threads of the program are held.
class DriverEvents {
 public:
  /// FIFO size of a descriptor since Linux 6.12 (kfd_facts §0.26).
  static constexpr std::size_t kFifoBytes = 8192;
  static constexpr std::size_t kMaximumClients = 32;

  /// KFD gives each device its own descriptors. What concerns the process as a whole is written for
  /// each device (kfd_process.c goes through them one after the other); what softgpu has found
  /// wrong, for the first.
  explicit DriverEvents(std::uint32_t devices) : devices_(devices) {}

  /// Returns the reader's descriptor, or -errno; -EMFILE when all clients are still open.
  int open(std::uint32_t device);

  void queue_eviction(EvictionTrigger trigger);
  void queue_restore(bool rescheduled);
  void unmap_from_gpu(std::uintptr_t address, std::uintptr_t size_bytes, UnmapTrigger trigger);
  /// `since_ns`: CLOCK_BOOTTIME when the driver learnt of the fault.
  void page_fault_start(std::uint32_t device, std::uintptr_t address, Access access,
                        std::uint64_t since_ns);
  void page_fault_end(std::uint32_t device, std::uintptr_t address, bool migrated);
  void migrate_start(const Migration& migration);
  /// `error`: an errno, 0 when the pages have arrived.
  void migrate_end(const Migration& migration, int error);
  void lost_cpu(std::uint32_t device, std::uint32_t wave, std::uint64_t lost_ns);
  void protocol_violation(std::uintptr_t address, ProtocolViolation kind);
  void missed(std::uintptr_t address, std::uint64_t pages);
  void device_fault(std::uint32_t device, std::uintptr_t address, Access access);
  void stop_report(const StopTimes& times);

 private:
  struct Client {
    int reader = -1;        // as handed out; may be closed behind our back
    int reader_watch = -1;  // our duplicate, to see how many bytes are unread
    int writer = -1;
    ino_t inode = 0;
    std::uint64_t mask = 0;
    std::uint32_t device = 0;
  };

  [[gnu::format(printf, 4, 5)]] void emit(std::uint32_t device, EventId id, const char* format,
                                          ...);
  void deliver(Client& client, EventId id, const char* line, std::size_t length);
  static void close_if_abandoned(Client& client);

  const std::uint32_t devices_;
  std::mutex lock_;  // leaf; its holders only make system calls that do not block
  std::array<Client, kMaximumClients> clients_;
};

}  // namespace softgpu
