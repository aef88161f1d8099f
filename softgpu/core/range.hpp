// SPDX-License-Identifier: MIT
// A piece of memory that the device knows, with its part of the device's page table.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "softgpu/core/interval_tree.hpp"

namespace softgpu {

inline constexpr std::uintptr_t kPageSize = 4096;
inline constexpr unsigned kPageShift = 12;

constexpr std::uintptr_t page_floor(std::uintptr_t address) { return address & ~(kPageSize - 1); }
constexpr std::uintptr_t page_ceil(std::uintptr_t address) {
  return page_floor(address + kPageSize - 1);
}

/// Addresses.
struct Interval {
  std::uintptr_t begin;
  std::uintptr_t end;  // exclusive
};

/// KFD's kinds of memory (kfd_facts §1, §2).
enum class RangeKind {
  kUserptr,  // userptr BO: one notifier over the whole BO, holes make it page-less
  kSvm,      // SVM range: keeps what is left of it after munmap
  kPinned,   // device memory: no notifier, never evicted
};

/// Which call made the range, and so which call may end it. Memory of the program's own ends with
/// its mapping: kSvmAttributes, told of by hsaKmtSVMSetAttr, and kSystem, which the device has
/// touched with retry faults on.
enum class RangeOrigin { kHostRegister, kHostMalloc, kManaged, kVram, kSystem, kSvmAttributes };

/// Device page-table entry.
class Pte {
 public:
  static constexpr std::uint64_t kValid = 1;
  static constexpr std::uint64_t kWritable = 2;
  static constexpr std::uint64_t kUnmapped = 4;   // SVM: the CPU's mapping is gone for good
  static constexpr std::uint64_t kResident = 8;   // lives in device memory, valid or not
  static constexpr std::uint64_t kReported = 16;  // the audit has said that it is wrong
  static constexpr unsigned kFrameShift = 8;

  static std::uint64_t make(std::uint64_t frame, bool writable) {
    return (frame << kFrameShift) | kValid | (writable ? kWritable : 0);
  }
  static std::uint64_t frame(std::uint64_t entry) { return entry >> kFrameShift; }

  /// A page in device memory: its frame is the page number of the pool as the CPU sees it.
  static std::uint64_t make_resident(std::uintptr_t vram_host) {
    return (vram_host >> kPageShift << kFrameShift) | kResident;
  }
  static std::uintptr_t vram_host(std::uint64_t entry) { return frame(entry) << kPageShift; }
  static bool is_resident(std::uint64_t entry) { return (entry & kResident) != 0; }
  /// Neither unmapped nor in device memory: the CPU's page table has it.
  static bool is_at_home(std::uint64_t entry) { return (entry & (kUnmapped | kResident)) == 0; }
  /// What is left of an entry that is invalidated.
  static std::uint64_t lasting_part(std::uint64_t entry) {
    return is_resident(entry) ? entry & ~(kValid | kWritable) : entry & kUnmapped;
  }
};

/// Where migration is to take a page (KFD_IOCTL_SVM_LOCATION_*).
class Location {
 public:
  static constexpr std::uint8_t kUndefined = 0;
  static constexpr std::uint8_t kHost = 0xFF;

  static constexpr std::uint8_t of_device(std::uint32_t device) {
    return static_cast<std::uint8_t>(device + 1);
  }
  static constexpr bool is_device(std::uint8_t location) {
    return location != kUndefined && location != kHost;
  }
  static constexpr std::uint32_t device(std::uint8_t location) { return location - 1u; }
};

/// What a program may say of each page of an SVM range (KFD_IOCTL_SVM_ATTR_*).
struct PageAttributes {
  // svms->default_granularity of kfd_svm.c: 2 MiB.
  static constexpr std::uint8_t kDefaultGranularity = 9;

  std::uint8_t preferred = Location::kUndefined;
  std::uint8_t prefetched = Location::kUndefined;  // where it was asked to go last
  std::uint8_t granularity = kDefaultGranularity;  // log2 of the pages that a fault moves
};

/// Devices, a bit for each, that an SVM range was opened to.
struct DeviceAccess {
  std::uint8_t migrating = 0;  // KFD_IOCTL_SVM_ATTR_ACCESS: a fault takes the page to the device
  std::uint8_t in_place = 0;   // KFD_IOCTL_SVM_ATTR_ACCESS_IN_PLACE

  static std::uint8_t bit(std::uint32_t device) { return static_cast<std::uint8_t>(1u << device); }
  bool any() const { return (migrating | in_place) != 0; }
};

/// What the page-table entries of a range amount to, so that translation need not read them all.
enum class RangePages { kNone, kAllWritable, kMixed };

/// Whether fork notifies the range's mapping (kernel mm/memory.c copy_page_range); read from smaps.
enum class ForkPolicy { kUnknown, kNotified, kNotNotified };

enum class ValidationOutcome {
  kPages,         // the staged entries are the range's pages
  kHole,          // -EFAULT in KFD: no pages, the device resumes, the next touch is fatal
  kNoPermission,  // -EPERM in KFD: try again
  kTryAgain,
};

struct Validation {
  ValidationOutcome outcome = ValidationOutcome::kTryAgain;
  RangePages pages = RangePages::kNone;
};

/// Frees words unless they are part of a larger object.
struct FreeWords {
  bool owned = true;

  void operator()(std::uint64_t* words) const {
    if (owned) {
      delete[] words;
    }
  }
};
using Words = std::unique_ptr<std::uint64_t[], FreeWords>;

/// Retry faults are served in blocks of this many pages at most, aligned: KFD's default granularity
/// (kfd_facts §2).
inline constexpr std::uint64_t kBlockPages = 512;

struct Range {
  std::uint64_t id = 0;  // never reused, unlike the address of this object
  RangeKind kind = RangeKind::kUserptr;
  RangeOrigin origin = RangeOrigin::kHostRegister;

  // As the caller named it, and rounded out to pages. Pinned ranges have no CPU address of their
  // own: host_begin is where the device's memory pool is mapped.
  std::uintptr_t pointer = 0;
  std::size_t size_bytes = 0;
  std::uintptr_t host_begin = 0;
  std::uintptr_t device_begin = 0;
  std::size_t page_count = 0;

  IntervalNode host_node;  // not in the tree for pinned ranges
  IntervalNode device_node;

  // Guarded by the registry lock.
  Words entries;  // Pte, one per page
  RangePages pages = RangePages::kNone;
  bool has_unmapped = false;                     // some entries are Pte::kUnmapped
  std::uint64_t resident_pages = 0;              // entries that are Pte::kResident
  std::unique_ptr<PageAttributes[]> attributes;  // of each page; null: cannot migrate
  DeviceAccess access;                           // of SVM ranges
  Words resident_since;                          // order of migration of each block, 0: never
  bool retries = false;             // SVM with retry faults on: a missing page is a retry fault
  bool always_mapped = false;       // KFD_IOCTL_SVM_FLAG_GPU_ALWAYS_MAPPED
  bool mapped = false;              // on the device; before, invalidations stop no queue
  std::uint64_t invalid = 0;        // invalidations since the last validation
  std::uint64_t invalidations = 0;  // all of them; tells the restore pass that something happened
  std::uint64_t last_mark = 0;      // number of the invalidation that marked it last
  std::uint64_t changed_begin_page = 0;  // hull of the pages that invalidations since then named
  std::uint64_t changed_end_page = 0;
  Range* next_invalid = nullptr;  // Notifier's list of ranges to validate
  Range* previous_invalid = nullptr;
  bool listed_invalid = false;
  ForkPolicy fork_policy = ForkPolicy::kUnknown;
  bool fork_policy_asked = false;  // of the smaps pass under way
  bool fork_notifies = false;

  // Of the validation under way; guarded by the memory lock. Entries are staged here while the
  // range is invalid, so that nothing is allocated then.
  Words staged;
  std::uint64_t pass = 0;  // number of the restore pass that staged it last
  std::uint64_t pass_invalidations = 0;
  bool pass_is_uniform = true;  // all of it is in the CPU's page table
  Validation pass_validation;

  // Of ranges that retry; guarded by the memory lock. CLOCK_MONOTONIC ns of each block's last
  // validation, 0: never.
  Words validated_ns;

  // Planted fault `stale`: the page that the device keeps its own copy of.
  std::uintptr_t stale_copy = 0;
  std::uint64_t stale_page = 0;

  bool can_migrate() const { return attributes != nullptr; }
  /// svm_range_evict of kfd_svm.c: an invalidation stops queues, or clears the pages it names.
  bool stops_queues() const { return !retries || always_mapped; }
  std::uint8_t granularity_at(std::uint64_t page) const {
    return can_migrate() ? attributes[page].granularity : PageAttributes::kDefaultGranularity;
  }
  /// Whether faults on both pages are served together.
  bool same_grain(std::uint64_t page, std::uint64_t other) const {
    const std::uint64_t first = host_begin >> kPageShift;
    const unsigned granularity = granularity_at(page);
    return (first + page) >> granularity == (first + other) >> granularity;
  }
  std::uintptr_t page_address(std::uint64_t page) const { return host_begin + page * kPageSize; }
  std::uint64_t page_of(std::uintptr_t host_address) const {
    return (host_address - host_begin) >> kPageShift;
  }
  /// Where a wave finds the page: of device memory, the pool.
  std::uintptr_t cpu_address(std::uint64_t page) const {
    return Pte::is_resident(entries[page]) ? Pte::vram_host(entries[page]) : page_address(page);
  }
  std::uintptr_t host_end() const { return host_begin + page_count * kPageSize; }
  std::uint64_t block_of(std::uint64_t page) const {
    return ((host_begin >> kPageShift) + page) / kBlockPages -
           (host_begin >> kPageShift) / kBlockPages;
  }
  std::uint64_t block_first_page(std::uint64_t block) const {
    const std::uint64_t offset = (host_begin >> kPageShift) % kBlockPages;
    return block == 0 ? 0 : block * kBlockPages - offset;
  }
  std::uint64_t block_end_page(std::uint64_t block) const {
    const std::uint64_t next = block_first_page(block + 1);
    return next < page_count ? next : page_count;
  }
  std::uint64_t blocks() const { return block_of(page_count - 1) + 1; }
  std::uintptr_t device_end() const { return device_begin + page_count * kPageSize; }
};

}  // namespace softgpu
