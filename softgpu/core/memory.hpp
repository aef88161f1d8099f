// SPDX-License-Identifier: MIT
// Making and ending ranges: what hipHostRegister, hipHostMalloc, hipMallocManaged and hipMalloc do.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "softgpu/core/audit.hpp"
#include "softgpu/core/engine.hpp"
#include "softgpu/core/fork_tracker.hpp"
#include "softgpu/core/migrator.hpp"
#include "softgpu/core/notifier.hpp"
#include "softgpu/core/pagemap.hpp"
#include "softgpu/core/range.hpp"
#include "softgpu/core/registry.hpp"
#include "softgpu/core/validation.hpp"
#include "softgpu/core/vram.hpp"

namespace softgpu {

enum class MemoryError {
  kNone,
  kInvalid,            // null, size 0, or the end wraps around
  kAlreadyRegistered,  // some of the bytes are in a range
  kNotRegistered,
  kNotMapped,  // the CPU has no (writable) memory there
  kOutOfMemory,
  kCannotMigrate,  // this memory, on this kernel or with this engine
  kPartOfRange,    // what cannot be said of a part of a range, or not of one device alone
};

/// What a caller may know of a range.
struct RangeInfo {
  RangeKind kind;
  RangeOrigin origin;
  std::uintptr_t host_pointer;
  std::uintptr_t device_pointer;
  std::size_t size_bytes;
  std::uint32_t device;  // whose memory it is; 0 for memory of the host
};

/// What hsaKmtSVMSetAttr may say; what is not named stays as it is.
struct SvmAttributes {
  std::optional<std::uint8_t> preferred;    // Location
  std::optional<std::uint8_t> granularity;  // log2 of pages
  DeviceAccess access;                      // given
  std::uint8_t no_access = 0;               // taken; a bit for each device
  std::optional<bool> always_mapped;

  bool of_whole_ranges() const {
    return access.any() || no_access != 0 || always_mapped.has_value();
  }
};

/// What holds for all of some pages (svm_range_get_attr of kfd_svm.c).
struct SvmState {
  std::uint8_t preferred = Location::kUndefined;
  std::uint8_t prefetched = Location::kUndefined;
  std::uint8_t granularity = PageAttributes::kDefaultGranularity;  // the least
  DeviceAccess access;                                             // of all pages
  bool all_always_mapped = false;
  bool some_always_mapped = false;
};

class Memory {
 public:
  struct Parts {
    Registry& registry;
    WaveTable& waves;
    Notifier& notifier;
    ForkTracker& forks;
    Auditor& auditor;
    const Pagemap& pagemap;
    Vram& vram;
    Migrator& migrator;
    Engine* engine;  // null: the software MMU
  };

  Memory(const Parts& parts, bool retry_faults);

  MemoryError register_host(std::uintptr_t pointer, std::size_t size_bytes);
  MemoryError unregister_host(std::uintptr_t pointer);

  /// The thunk's steps of hipHostRegister (kfd_facts §1): the memory is notified from the first on,
  /// and the device reaches it only between the other two.
  MemoryError register_unmapped(std::uintptr_t pointer, std::size_t size_bytes);
  MemoryError map_registered(std::uintptr_t pointer);
  MemoryError unmap_registered(std::uintptr_t pointer);

  /// Of whole pages of one SVM range, or of memory of the program's that is to become one.
  MemoryError set_attributes(const Interval& bytes, const SvmAttributes& wanted);
  SvmState attributes_of(const Interval& bytes);
  /// `device`: whose memory kVram is.
  MemoryError allocate(RangeOrigin origin, std::size_t size_bytes, std::uintptr_t& pointer,
                       std::uint32_t device);
  MemoryError release(RangeOrigin origin, std::uintptr_t pointer);

  /// The range that a host or device pointer lies in.
  std::optional<RangeInfo> find(std::uintptr_t pointer);

  bool retry_faults() const { return retry_faults_.load(std::memory_order_relaxed); }

  /// False, and nothing is changed, when there are SVM ranges.
  bool set_retry_faults(bool enable);

  std::size_t vram_bytes() const { return vram_.bytes_each(); }
  std::size_t vram_free_bytes(std::uint32_t device) { return vram_.pool(device).free_bytes(); }

  /// hipMemAdvise: where a retry fault takes these pages of managed memory.
  MemoryError set_preferred(const Interval& bytes, std::uint8_t location);

  /// Whether prefetch() can be asked for that: managed memory, all mapped, and room for it.
  MemoryError check_prefetch(const Interval& bytes, std::uint8_t location);

  /// Moves the pages; on an unfiltered thread. What cannot move stays where it is, with a message.
  void prefetch(const Interval& bytes, std::uint8_t location);

  /// Held by whoever validates ranges or changes the set of ranges, across system calls. The
  /// supervisor never takes it.
  std::mutex& lock() { return lock_; }

 private:
  std::unique_ptr<Range> make_range(RangeKind kind, RangeOrigin origin, std::uintptr_t pointer,
                                    std::size_t size_bytes);
  MemoryError map_on_device(std::unique_ptr<Range> range);
  MemoryError map_on_engine(std::unique_ptr<Range> range);
  MemoryError validate_first(Range& range);
  bool commit_first(Range& range, const Validation& validation);
  void unmap_from_device(Range& range);
  MemoryError end_range(RangeOrigin origin, std::uintptr_t pointer);
  using RangeMap = std::multimap<std::uintptr_t, std::unique_ptr<Range>>;

  MemoryError look_up_once(Range& range);
  MemoryError insert_unmapped(Range& range);
  MemoryError map_now(Range& range);
  void take_mapping(Range& range);
  std::uint8_t all_devices() const;
  MemoryError find_or_make_svm(const Interval& bytes, Range*& range);
  MemoryError make_svm(const Interval& bytes, Range*& range);
  MemoryError check_attributes(const Range& range, const Interval& bytes,
                               const SvmAttributes& wanted);
  bool apply_attributes(Range& range, const Interval& bytes, const SvmAttributes& wanted);
  void forget_unmapped_svm();
  template <typename Visit>
  static void for_each_attributes(Range& range, const Interval& bytes, Visit&& visit) {
    const std::uint64_t end_page = range.page_of(page_ceil(bytes.end));
    for (std::uint64_t page = range.page_of(bytes.begin); page < end_page; ++page) {
      visit(range.attributes[page]);
    }
  }
  RangeMap::iterator find_newest(RangeOrigin origin, std::uintptr_t pointer);
  std::unique_ptr<Range> take_newest(RangeOrigin origin, std::uintptr_t pointer);
  MemoryError allocate_vram(std::uint32_t device, std::size_t size_bytes, std::uintptr_t& pointer);
  std::uint32_t device_of(const Range& range) const;
  Range* find_migratable(const Interval& bytes);
  Migrator::Outcome prefetch_first(std::uintptr_t& address, const Interval& bytes,
                                   std::uint8_t location);

  std::mutex lock_;
  Registry& registry_;
  WaveTable& waves_;
  Notifier& notifier_;
  ForkTracker& forks_;
  Auditor& auditor_;
  const Pagemap& pagemap_;
  Vram& vram_;
  Migrator& migrator_;
  Engine* const engine_;
  std::uint64_t ranges_made_ = 0;
  // By the pointer that ends the range: host pointer, or device pointer for device memory. A range
  // whose memory the program has unmapped may be followed by one at the same address.
  RangeMap ranges_;
  std::size_t svm_ranges_ = 0;             // of origin kSvmAttributes
  std::size_t svm_ranges_to_look_at_ = 0;  // so many: some may have lost their mapping

  std::atomic<bool> retry_faults_;  // written under lock_
};

}  // namespace softgpu
