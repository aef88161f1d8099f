// SPDX-License-Identifier: MIT
// Which page frames lie behind a range of this process, from /proc/self/pagemap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace notifier::pin {

inline constexpr std::size_t kPageBytes = 4096;
/// Pages of the range that an actor works on, and so the most frames that are asked for at once.
inline constexpr std::size_t kFrames = 16;

// Documentation/admin-guide/mm/pagemap.rst
struct PageEntry {
  std::uint64_t raw = 0;
  bool present() const { return (raw >> 63 & 1) != 0; }
  bool swapped() const { return (raw >> 62 & 1) != 0; }
  /// 0 where the reader lacks CAP_SYS_ADMIN (fs/proc/task_mmu.c, pagemap_read) or nothing is there.
  std::uint64_t frame() const { return present() ? raw & ((std::uint64_t{1} << 55) - 1) : 0; }
  bool operator==(const PageEntry&) const = default;
};

/// Fills `entries` for the pages from `address` on; false when the kernel does not tell. Opens the
/// file anew, so that a forked child sees its own pages. Does not allocate.
bool read_page_entries(const std::byte* address, std::span<PageEntry> entries);

/// Whether page frame numbers are shown to this process.
bool frames_visible();

}  // namespace notifier::pin
