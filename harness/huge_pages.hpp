// SPDX-License-Identifier: MIT
// Base pages for the `anon` backing, without inviting khugepaged, and huge pages for `thp`.
#pragma once

#include <cstddef>

namespace notifier {

/// Keeps huge pages away from the range. Where the kernel only makes them on request nothing is
/// asked, so that MADV_COLLAPSE stays possible without MADV_HUGEPAGE: that advice would wake
/// khugepaged (mm/khugepaged.c __khugepaged_enter), which then moves pages on its own.
/// Throws std::system_error.
void keep_base_pages(void* begin, std::size_t size_bytes);

/// Asks for huge pages (MADV_HUGEPAGE). The range has to be full of them then, for khugepaged to
/// find nothing to do. Throws std::system_error.
void ask_for_huge_pages(void* begin, std::size_t size_bytes);

/// MADV_COLLAPSE (Linux 6.1, include/uapi/asm-generic/mman-common.h), which Debian 12's libc lacks.
inline constexpr int kCollapseAdvice = 25;

bool kernel_can_collapse();

/// Lets MADV_COLLAPSE work on a range that keep_base_pages() was called for.
void permit_collapse(void* begin, std::size_t size_bytes);

}  // namespace notifier
