// SPDX-License-Identifier: MIT
// Base pages for the `anon` backing, without inviting khugepaged.
#pragma once

#include <cstddef>

namespace notifier {

/// Keeps huge pages away from the range. Where the kernel only makes them on request nothing is
/// asked, so that MADV_COLLAPSE stays possible without MADV_HUGEPAGE: that advice would wake
/// khugepaged (mm/khugepaged.c __khugepaged_enter), which then moves pages on its own.
/// Throws std::system_error.
void keep_base_pages(void* begin, std::size_t size_bytes);

/// Lets MADV_COLLAPSE work on a range that keep_base_pages() was called for.
void permit_collapse(void* begin, std::size_t size_bytes);

}  // namespace notifier
