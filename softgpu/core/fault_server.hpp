// SPDX-License-Identifier: MIT
// Serves retry faults (HSA_XNACK=1) as KFD's svm_range_restore_pages: lookup, duplicate window,
// validation, map (kfd_facts §2).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

#include "softgpu/core/audit.hpp"
#include "softgpu/core/fork_tracker.hpp"
#include "softgpu/core/memory.hpp"
#include "softgpu/core/notifier.hpp"
#include "softgpu/core/system_ranges.hpp"
#include "softgpu/core/wave.hpp"

namespace softgpu {

class FaultServer {
 public:
  // AMDGPU_SVM_RANGE_RETRY_FAULT_PENDING. KFD keeps one stamp per range, here each block has one.
  static constexpr std::uint64_t kDuplicateWindowNs = 2'000'000;

  struct Parts {
    Registry& registry;
    DriverEvents& events;
    Notifier& notifier;
    ForkTracker& forks;
    Auditor& auditor;
    Memory& memory;
    Migrator& migrator;
    const Pagemap& pagemap;
  };

  FaultServer(const Parts& parts, bool delays)
      : parts_(parts), window_ns_(delays ? kDuplicateWindowNs : 0), system_(parts.registry) {}

  /// On a wave's thread: returns when the fault is answered. Address and access are set.
  void serve_for(RetryFault& fault);

  /// Body of the thread. Does not call malloc: held threads may own its locks.
  [[noreturn]] void serve();

 private:
  /// Pages around the fault that are looked up together, and what that starts from.
  struct Window {
    Range* range = nullptr;
    std::uint64_t page = 0;  // of the fault
    std::uint64_t first_page = 0;
    std::uint64_t end_page = 0;
    std::uint64_t invalidations = 0;
    bool has_valid = false;  // some entries: the audit compares them
    bool writable = true;
    bool resident = false;                       // all of them are in device memory
    std::uint8_t target = Location::kUndefined;  // where the page is to be

    /// Whether the pages are to move to the device first.
    bool moves() const { return !resident && Location::is_device(target); }

    void clip_to(const Vma& vma);
    std::uintptr_t begin() const { return range->host_begin + first_page * kPageSize; }
    std::uintptr_t end() const { return range->host_begin + end_page * kPageSize; }
    std::uint64_t pages() const { return end_page - first_page; }
  };

  enum class Lookup { kFound, kNoRange, kPresent, kTooSoon, kNotRetried, kChanging };
  enum class Mapped { kYes, kChanged, kNoPages };
  using MigrationLock = std::unique_lock<std::mutex>;

  RetryFault* take_due(std::int64_t& wait_ns);
  void put_off(RetryFault& fault);
  bool serve(RetryFault& fault);
  Lookup find_window(RetryFault& fault, Window& window);
  std::optional<TranslationFault> find_mapping(const RetryFault& fault, Vma& vma) const;
  static std::uint8_t best_location(const Range& range, std::uint64_t page, std::uint32_t device);
  Lookup look_at(RetryFault& fault, Range& range, std::uint64_t page, Window& window);
  static void let_go(MigrationLock& migration_lock);
  std::optional<TranslationFault> adopt(const RetryFault& fault);
  bool validate(RetryFault& fault, Window& window);
  bool find_and_validate(RetryFault& fault, MigrationLock& migration_lock, bool& answered);
  bool migrate(Window& window);
  Mapped map_pages(RetryFault& fault, Window& window);
  Mapped map_window(Window& window);
  Mapped map_resident(RetryFault& fault, Window& window);
  Mapped commit(const Window& window);

  const Parts parts_;
  const std::uint64_t window_ns_;
  SystemRanges system_;
  std::array<std::uint64_t, kBlockPages> staged_{};
  std::mutex faults_lock_;  // leaf
  RetryFault* first_ = nullptr;
  RetryFault* last_ = nullptr;
  std::atomic<std::uint32_t> work_{0};  // futex word
};

}  // namespace softgpu
