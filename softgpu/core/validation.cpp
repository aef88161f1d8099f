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

/// Part of one mapping of an SVM range: read-only mappings are mapped read-only, PROT_NONE is left
/// out (kfd_facts §0.11). False when a page is not there after all.
bool fault_in_run(Range& range, const Pagemap& pagemap, const Vma& vma, std::uint64_t first_page,
                  std::uint64_t end_page) {
  const std::uintptr_t begin = range.host_begin + first_page * kPageSize;
  const std::uintptr_t end = range.host_begin + end_page * kPageSize;
  const int advice = vma.writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
  if (!vma.readable || populate(begin, end, advice) != 0) {
    return true;
  }
  std::uint64_t* entries = range.staged.get() + first_page;
  const std::size_t pages = end_page - first_page;
  return pagemap.read(begin, pages, entries) && make_entries(entries, pages, vma.writable);
}

/// A page in device memory is where it was; the mapping says what the device may do with it.
void give_rights(std::uint64_t& entry, const Vma& vma) {
  entry &= ~(Pte::kValid | Pte::kWritable);
  if (Pte::is_resident(entry) && vma.readable) {
    entry |= Pte::kValid | (vma.writable ? Pte::kWritable : 0);
  }
}

/// The runs of pages that are still the range's in one mapping, and in the CPU's page table.
bool fault_in_mapping(Range& range, const Pagemap& pagemap, const Vma& vma) {
  const std::uintptr_t begin = std::max(vma.begin, range.host_begin);
  const std::uintptr_t end = std::min(vma.end, range.host_end());
  std::uint64_t page = (begin - range.host_begin) >> kPageShift;
  const std::uint64_t end_page = (end - range.host_begin) >> kPageShift;
  bool complete = true;
  while (page < end_page && complete) {
    const std::uint64_t first = page;
    while (page < end_page && Pte::is_at_home(range.staged[page])) {
      ++page;
    }
    if (first == page) {
      give_rights(range.staged[page++], vma);
    } else {
      complete = fault_in_run(range, pagemap, vma, first, page);
    }
  }
  return complete;
}

Validation fault_in_by_mapping(Range& range, const Pagemap& pagemap) {
  bool complete = true;
  const bool listed = for_each_vma(range.host_begin, range.host_end(), [&](const Vma& vma) {
    complete = complete && fault_in_mapping(range, pagemap, vma);
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
  if (range.pass_is_uniform) {
    const Validation validation = fault_in_whole(range, pagemap);
    if (validation.outcome == ValidationOutcome::kPages) {
      return validation;
    }
    std::fill_n(range.staged.get(), range.page_count, 0);
  }
  return fault_in_by_mapping(range, pagemap);
}

void begin_staging(Range& range) {
  range.pass_invalidations = range.invalidations;
  range.pass_validation = {};
  range.pass_is_uniform = !range.has_unmapped && range.resident_pages == 0;
  for (std::uint64_t page = 0; page < range.page_count && !range.pass_is_uniform; ++page) {
    range.staged[page] = Pte::lasting_part(range.entries[page]);
  }
}

void commit(Range& range, const Validation& validation) {
  if (validation.outcome == ValidationOutcome::kHole) {
    std::fill_n(range.entries.get(), range.page_count, 0);
    range.pages = RangePages::kNone;
  } else {
    if (range.stale_copy != 0) {
      range.staged[range.stale_page] = range.entries[range.stale_page];  // planted: forgotten
    }
    std::swap(range.entries, range.staged);
    range.pages = validation.pages;
  }
  range.invalid = 0;
  range.changed_begin_page = range.changed_end_page = 0;
}

}  // namespace softgpu
