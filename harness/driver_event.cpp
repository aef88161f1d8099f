// SPDX-License-Identifier: MIT
#include "driver_event.hpp"

#include <algorithm>

namespace notifier {

std::string_view driver_event_name(DriverEventKind kind) {
  switch (kind) {
    case DriverEventKind::kUnknown:
      return "unknown";
    case DriverEventKind::kVmFault:
      return "vm_fault";
    case DriverEventKind::kThermalThrottle:
      return "thermal_throttle";
    case DriverEventKind::kGpuPreReset:
      return "gpu_pre_reset";
    case DriverEventKind::kGpuPostReset:
      return "gpu_post_reset";
    case DriverEventKind::kMigrateStart:
      return "migrate_start";
    case DriverEventKind::kMigrateEnd:
      return "migrate_end";
    case DriverEventKind::kPageFaultStart:
      return "page_fault_start";
    case DriverEventKind::kPageFaultEnd:
      return "page_fault_end";
    case DriverEventKind::kQueueEviction:
      return "queue_eviction";
    case DriverEventKind::kQueueRestore:
      return "queue_restore";
    case DriverEventKind::kUnmapFromGpu:
      return "unmap_from_gpu";
    case DriverEventKind::kProcessStart:
      return "process_start";
    case DriverEventKind::kProcessEnd:
      return "process_end";
    case DriverEventKind::kLostCpu:
      return "lost_cpu";
    case DriverEventKind::kProtocol:
      return "protocol";
    case DriverEventKind::kMissed:
      return "missed";
    case DriverEventKind::kDeviceFault:
      return "device_fault";
    case DriverEventKind::kStopReport:
      return "stop_report";
  }
  return "unknown";
}

std::string_view driver_event_trigger_name(DriverEventKind kind, std::uint32_t trigger) {
  // kfd_ioctl.h: KFD_QUEUE_EVICTION_TRIGGERS, KFD_SVM_UNMAP_TRIGGERS, KFD_MIGRATE_TRIGGERS.
  static constexpr std::array<std::string_view, 6> kEviction = {
      "svm", "userptr", "ttm", "suspend", "criu_checkpoint", "criu_restore"};
  static constexpr std::array<std::string_view, 3> kUnmap = {"mmu_notify", "mmu_notify_migrate",
                                                             "unmap_from_cpu"};
  static constexpr std::array<std::string_view, 4> kMigrate = {"prefetch", "gpu_fault", "cpu_fault",
                                                               "ttm_eviction"};
  const auto name_in = [trigger](const auto& names) -> std::string_view {
    return trigger < names.size() ? names[trigger] : std::string_view();
  };
  switch (kind) {
    case DriverEventKind::kQueueEviction:
      return name_in(kEviction);
    case DriverEventKind::kUnmapFromGpu:
      return name_in(kUnmap);
    case DriverEventKind::kMigrateStart:
    case DriverEventKind::kMigrateEnd:
      return name_in(kMigrate);
    default:
      return {};
  }
}

BoundedText::BoundedText(std::string_view text) : truncated_(text.size() > kCapacity) {
  const std::size_t kept = std::min(text.size(), kCapacity);
  std::copy_n(text.begin(), kept, bytes_.begin());
  size_ = static_cast<std::uint8_t>(kept);
}

std::optional<std::uint64_t> DriverEvent::begin_bytes(std::uint64_t page_size_bytes) const {
  if (address_bytes) return address_bytes;
  if (!address_pages) return std::nullopt;
  return *address_pages * page_size_bytes;
}

std::optional<std::uint64_t> DriverEvent::size_bytes(std::uint64_t page_size_bytes) const {
  if (!size_pages) return std::nullopt;
  return *size_pages * page_size_bytes;
}

}  // namespace notifier
