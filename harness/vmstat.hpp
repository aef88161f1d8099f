// SPDX-License-Identifier: MIT
// The kernel's own counters of what it did to pages: the whole machine's.
#pragma once

#include <cstdint>
#include <string_view>

namespace notifier {

/// 0 where this kernel has no such counter.
std::int64_t vmstat(std::string_view name);

}  // namespace notifier
