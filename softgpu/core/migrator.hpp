// SPDX-License-Identifier: MIT
// Moves pages of SVM ranges between system memory and device memory (kernel kfd_migrate.c
// svm_migrate_ram_to_vram and svm_migrate_vram_to_ram; kfd_facts §2).
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "softgpu/core/driver_events.hpp"
#include "softgpu/core/notifier.hpp"
#include "softgpu/core/registry.hpp"
#include "softgpu/core/settings.hpp"
#include "softgpu/core/userfault.hpp"
#include "softgpu/core/vram.hpp"

namespace softgpu {

/// Pages [first_page, end_page) of a range.
struct PageRun {
  Range* range = nullptr;
  std::uint64_t first_page = 0;
  std::uint64_t end_page = 0;

  bool empty() const { return first_page == end_page; }
  std::uint64_t pages() const { return end_page - first_page; }
  std::uintptr_t begin() const { return range->page_address(first_page); }
  std::size_t size_bytes() const { return pages() * kPageSize; }
};

/// Pages of a range are Pte::kResident while they live in device memory; the CPU has none there
/// then, and waits at the userfaultfd when it touches one. Residency changes under lock() only.
///
/// Lock order: memory lock, lock(), notifier lock, registry lock. Whoever holds lock() makes no
/// call that the supervisor would hold, and does not allocate: the supervisor takes it for every
/// held call, so that nothing migrates while memory changes.
class Migrator {
 public:
  enum class Outcome { kMoved, kNoRoom, kRefused };
  enum class Wanted { kAtHome, kResident, kResidentAndForked };

  struct Parts {
    Registry& registry;
    DriverEvents& events;
    Notifier& notifier;
    Vram& vram;
  };

  Migrator(const Parts& parts, const Settings& settings);

  std::mutex& lock() { return lock_; }

  /// Why nothing can migrate; empty when it can.
  const std::string& why_not() const { return userfault_.why_not(); }

  /// KFD splits what it migrates at a part of the device's memory (svm_range_set_max_pages).
  std::uint64_t most_pages() const { return most_pages_; }

  // The caller holds lock() for all of these.

  /// Pages at home in one private anonymous mapping, which no invalidation in progress may change.
  /// Makes room by eviction, but not of what lies in [keep.begin, keep.end). On an unfiltered
  /// thread.
  Outcome to_device(const PageRun& run, std::uint32_t device, MigrateTrigger trigger,
                    const Interval& keep);

  /// Pages in device memory.
  void to_host(const PageRun& run, MigrateTrigger trigger);

  /// Whatever of the intervals lives in device memory, before the memory changes. KFD leaves it
  /// there: the kernel knows about device pages, a process does not.
  void bring_home(std::span<const Interval> intervals, InvalidationCause cause);

  /// Offset of device memory, after eviction of SVM pages if need be (TTM). Nothing when what is
  /// left cannot be evicted.
  std::optional<std::uintptr_t> take_vram(std::uint32_t device, std::size_t size_bytes,
                                          const Interval& keep);

  /// The range is in the registry no more: its device memory is free again.
  void forget(Range& range);

  /// The first pages inside [address, end) that live in the memory of one device, or that do not
  /// and can migrate. kResidentAndForked: whose mapping fork copies, as far as is known.
  PageRun first_run(std::uintptr_t address, std::uintptr_t end, Wanted wanted);

  /// Pages in device memory on this device, outside the interval. Needs no lock() for an estimate.
  std::uint64_t evictable_pages(std::uint32_t device, const Interval& keep);

  /// Body of the thread that serves the CPU's faults on pages in device memory.
  [[noreturn]] void serve_cpu_faults();

 private:
  struct Piece {
    std::uintptr_t vram_host = 0;
    std::uint64_t pages = 0;
  };

  static Migration describe(const PageRun& run, std::uint32_t device, MigrateTrigger trigger);
  std::uint64_t run_end(const Range& range, std::uint64_t first_page, std::uint64_t end_page) const;
  static bool is_movable(const PageRun& run);
  bool take_pages(const PageRun& run, std::uintptr_t vram_host);
  void commit_resident(const PageRun& run, std::uintptr_t vram_host);
  void end_invalidation(bool hit);
  Piece piece_at(const PageRun& run, std::uint64_t page);
  bool put_back(const PageRun& run);
  bool put_piece(std::uintptr_t begin, const Piece& piece);
  void commit_home(const PageRun& run);
  void give_back(std::uint64_t entry, bool keeps_copy);
  std::uint32_t device_of(std::uint64_t entry) const;
  PageRun block_around(std::uintptr_t page);
  PageRun oldest_block(std::uint32_t device, const Interval& keep);
  void find_older(Range& range, std::uint32_t device, const Interval& keep, std::uint64_t& since,
                  PageRun& oldest) const;

  const Parts parts_;
  const Plant plant_;
  const std::uint64_t most_pages_;
  Userfault userfault_;
  std::mutex lock_;
  std::atomic<std::uint64_t> resident_pages_{0};  // of all ranges
  std::uint64_t migrations_ = 0;                  // to the device; the order of eviction
};

}  // namespace softgpu
