// SPDX-License-Identifier: MIT
// Faulting a range's pages in and making page-table entries of them, as KFD's restore does through
// hmm_range_fault (kfd_facts §1, §2).
#pragma once

#include <cstdint>

#include "softgpu/core/pagemap.hpp"
#include "softgpu/core/range.hpp"

namespace softgpu {

/// Notes what fault_in starts from. The caller holds the registry lock.
void begin_staging(Range& range);

/// Fills range.staged from the CPU's page table after write-faulting every page (which breaks
/// copy-on-write, as HMM's write fault does). Takes no lock and does not allocate; the caller sees
/// to it that nobody else stages the range.
Validation fault_in(Range& range, const Pagemap& pagemap);

/// Makes the staged entries the range's own. The caller holds the registry lock.
void commit(Range& range, const Validation& validation);

}  // namespace softgpu
