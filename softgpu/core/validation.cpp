// SPDX-License-Identifier: MIT
#include "softgpu/core/validation.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "softgpu/core/proc_maps.hpp"

namespace softgpu {
namespace {

int populate(std::uintptr_t begin, std::uintptr_t end, int advice) {
  return madvise(reinterpret_cast<void*>(begin), end - begin, advice) == 0 ? 0 : errno;
}

/// hmm_range_fault fails with EFAULT where the VMA cannot be read and with EPERM where it can be
/// read but not written (kernel mm/hmm.c hmm_vma_walk_test, hmm_vma_fault); the first in order of
/// address decides.
ValidationOutcome outcome_by_rights(const Range& range) {
  ValidationOutcome outcome = ValidationOutcome::kTryAgain;
  for_each_vma(range.host_begin, range.host_end(), [&](const Vma& vma) {
    if (outcome == ValidationOutcome::kTryAgain && !(vma.readable && vma.writable)) {
      outcome = vma.readable ? ValidationOutcome::kNoPermission : ValidationOutcome::kHole;
    }
  });
  return outcome;
}

ValidationOutcome outcome_of_error(int error, const Range& range) {
  switch (error) {
    case 0:
      return ValidationOutcome::kPages;
    case ENOMEM:  // no mapping in some part (madvise(2), MADV_POPULATE_WRITE)
    case EFAULT:  // SIGBUS: beyond the end of the file
    case EHWPOISON:
      return ValidationOutcome::kHole;
    case EINVAL:
      return outcome_by_rights(range);
    default:
      return ValidationOutcome::kTryAgain;
  }
}

/// Turns pagemap entries into device entries in place. False when a page is not there after all.
bool make_entries(std::uint64_t* entries, std::size_t pages, bool writable) {
  for (std::size_t page = 0; page < pages; ++page) {
    if ((entries[page] & Pagemap::kPresent) == 0) {
      return false;
    }
    entries[page] = Pte::make(entries[page] & Pagemap::kFrameMask, writable);
  }
  return true;
}

Validation fault_in_whole(Range& range, const Pagemap& pagemap) {
  const int error = populate(range.host_begin, range.host_end(), MADV_POPULATE_WRITE);
  const ValidationOutcome outcome = outcome_of_error(error, range);
  if (outcome != ValidationOutcome::kPages) {
    return {.outcome = outcome};
  }
  if (!pagemap.read(range.host_begin, range.page_count, range.staged.get()) ||
      !make_entries(range.staged.get(), range.page_count, true)) {
    return {.outcome = ValidationOutcome::kTryAgain};
  }
  return {.outcome = ValidationOutcome::kPages, .pages = RangePages::kAllWritable};
}

/// One mapping's part of an SVM range: read-only mappings are mapped read-only, PROT_NONE is left
/// out (kfd_facts §0.11).
bool fault_in_part(Range& range, const Pagemap& pagemap, const Vma& vma) {
  const std::uintptr_t begin = std::max(vma.begin, range.host_begin);
  const std::uintptr_t end = std::min(vma.end, range.host_end());
  const int advice = vma.writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
  if (!vma.readable || populate(begin, end, advice) != 0) {
    return true;
  }
  std::uint64_t* entries = range.staged.get() + ((begin - range.host_begin) >> kPageShift);
  const std::size_t pages = (end - begin) >> kPageShift;
  return pagemap.read(begin, pages, entries) && make_entries(entries, pages, vma.writable);
}

Validation fault_in_by_mapping(Range& range, const Pagemap& pagemap) {
  std::fill_n(range.staged.get(), range.page_count, 0);
  bool complete = true;
  const bool listed = for_each_vma(range.host_begin, range.host_end(), [&](const Vma& vma) {
    complete = complete && fault_in_part(range, pagemap, vma);
  });
  if (!listed || !complete) {
    return {.outcome = ValidationOutcome::kTryAgain};
  }
  return {.outcome = ValidationOutcome::kPages, .pages = RangePages::kMixed};
}

}  // namespace

Validation fault_in(Range& range, const Pagemap& pagemap) {
  if (range.kind == RangeKind::kUserptr) {
    return fault_in_whole(range, pagemap);
  }
  // An SVM range is mostly one writable mapping.
  const Validation whole = fault_in_whole(range, pagemap);
  return whole.outcome == ValidationOutcome::kPages ? whole : fault_in_by_mapping(range, pagemap);
}

void commit(Range& range, const Validation& validation) {
  if (validation.outcome == ValidationOutcome::kHole) {
    std::fill_n(range.entries.get(), range.page_count, 0);
    range.pages = RangePages::kNone;
  } else {
    bool unmapped = false;
    for (std::size_t page = 0; page < range.page_count && range.has_unmapped; ++page) {
      if ((range.entries[page] & Pte::kUnmapped) != 0) {
        range.staged[page] = Pte::kUnmapped;
        unmapped = true;
      }
    }
    if (range.stale_copy != 0) {
      range.staged[range.stale_page] = range.entries[range.stale_page];  // planted: forgotten
    }
    std::swap(range.entries, range.staged);
    range.pages = unmapped ? RangePages::kMixed : validation.pages;
  }
  range.invalid = 0;
  range.changed_begin_page = range.changed_end_page = 0;
}

}  // namespace softgpu
