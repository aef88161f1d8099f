// SPDX-License-Identifier: MIT
// The kernel's own counters of what it did to pages: the whole machine's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>

namespace notifier {

/// 0 where this kernel has no such counter.
std::int64_t vmstat(std::string_view name);

/// Pages that the kernel has moved without being asked: migrations (compaction, NUMA balancing) and
/// those that khugepaged has made huge pages of, as many as such a huge page has. A call that asks
/// for a migration counts, too.
std::uint64_t pages_moved_by_kernel();

/// How many of so many missed pages it has moved since it had moved `moved_before`, or rows that
/// ask it to have. The kernel counts a batch, of up to 512 pages, when its last page has moved
/// (mm/migrate.c migrate_pages), and the audit may have seen its first: it is given 0.2 s.
std::uint64_t excused_pages(std::uint64_t missed, std::uint64_t moved_before,
                            std::uint64_t moved_by_rows = 0);

/// The counter's value once it has reached `wanted`, or after so long.
std::uint64_t wait_for_counter(const std::function<std::uint64_t()>& counter, std::uint64_t wanted,
                               std::chrono::milliseconds patience);

}  // namespace notifier
