// SPDX-License-Identifier: MIT
// The PFN audit: does each device page-table entry still name the frame that the CPU's page table
// names? A frame that changed without an invalidation is `missed`: hardware would go on using the
// old one. Waves use the CPU's page tables, so nothing else would notice.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

#include "softgpu/core/driver_events.hpp"
#include "softgpu/core/pagemap.hpp"
#include "softgpu/core/registry.hpp"
#include "softgpu/core/settings.hpp"

namespace softgpu {

/// No function allocates or holds the registry lock across a system call.
class Auditor {
 public:
  Auditor(Registry& registry, DriverEvents& events, const Pagemap& pagemap, AuditLevel level);

  AuditLevel level() const { return level_; }

  /// Why nothing is audited; null when it is.
  const char* why_off() const;

  /// Compares the pages of all ranges that overlap [begin, end), but no more than `maximum_pages`,
  /// against the CPU's page table. Returns the number of missed pages, each reported once.
  std::uint64_t audit(std::uintptr_t begin, std::uintptr_t end, std::uint64_t maximum_pages);

  /// The same for pages of ranges that were valid until invalidation number `mark` marked them,
  /// before the held call proceeds: they must still be what the device used until now.
  std::uint64_t audit_marked(std::uintptr_t begin, std::uintptr_t end, std::uint64_t maximum_pages,
                             std::uint64_t mark);

  /// Compares freshly staged entries with those that they replace, outside the pages that
  /// invalidations named. The range is invalid and the caller holds the memory lock. Nothing when
  /// an invalidation has come since the staging began: the pass after compares with the same
  /// entries.
  void audit_staged(Range& range);

  std::uint64_t missed_pages() const { return missed_pages_.load(); }
  std::uint64_t audited_pages() const { return audited_pages_.load(); }

 private:
  static constexpr std::size_t kChunkPages = 512;

  /// Entries of one range as they were under the registry lock.
  struct Chunk {
    Range* range = nullptr;
    std::uint64_t range_id = 0;
    std::uint64_t mark = 0;  // of the ranges to look at; 0: valid ranges
    std::uint64_t invalidations = 0;
    std::uintptr_t address = 0;
    std::uint64_t first_page = 0;
    std::size_t pages = 0;
    std::array<std::uint64_t, kChunkPages> entries;
    std::array<std::uint64_t, kChunkPages> cpu_entries;
  };

  std::uint64_t audit_chunks(std::uintptr_t begin, std::uintptr_t end, std::uint64_t maximum_pages,
                             std::uint64_t mark);
  bool wanted(const Range& range) const;
  static Interval own_pages(const Range& range, std::uintptr_t begin, std::uintptr_t end);
  bool take_chunk(std::uintptr_t begin, std::uintptr_t end, std::uint64_t maximum_pages);
  std::uint64_t compare_chunk();
  bool confirm_missed(std::size_t index);
  void report_missed(std::uintptr_t address, std::uint64_t pages);

  Registry& registry_;
  DriverEvents& events_;
  const Pagemap& pagemap_;
  const AuditLevel level_;
  std::mutex audit_lock_;  // for chunk_; held across pread, never with another lock held before
  Chunk chunk_;
  std::atomic<std::uint64_t> missed_pages_{0};
  std::atomic<std::uint64_t> audited_pages_{0};
};

}  // namespace softgpu
