// SPDX-License-Identifier: MIT
// The kernel's own counters of what it did to pages: the whole machine's.
#pragma once

#include <cstdint>
#include <string_view>

namespace notifier {

/// 0 where this kernel has no such counter.
std::int64_t vmstat(std::string_view name);

/// Pages that the kernel has moved without being asked: migrations (compaction, NUMA balancing) and
/// those that khugepaged has made huge pages of, as many as such a huge page has. A call that asks
/// for a migration counts, too.
std::uint64_t pages_moved_by_kernel();

}  // namespace notifier
