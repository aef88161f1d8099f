// SPDX-License-Identifier: MIT
#include "harness/perturbation_proofs.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "harness/perturbation_calls.hpp"
#include "harness/smaps.hpp"
#include "harness/vmstat.hpp"

#ifndef MADV_POPULATE_WRITE  // Linux 5.14, include/uapi/asm-generic/mman-common.h
#define MADV_POPULATE_WRITE 23
#endif

namespace notifier {
namespace perturbation_calls {
namespace {

constexpr std::size_t kPageBytes = 4096;

/// The counters are the machine's: what some other process frees is not a quarter of ours. Not all
/// pages, because those that a child shares are left alone (mm/madvise.c
/// folio_maybe_mapped_shared).
bool counted_a_quarter(const EventContext& event, std::string_view counter) {
  empty_page_batches();
  const std::int64_t pages = vmstat(counter) - event.counter_before;
  return pages * 4 >= static_cast<std::int64_t>(event.slice_bytes / kPageBytes);
}

}  // namespace

// The kernel frees lazily what is on a list of pages: those that a CPU has touched for the first
// time wait in a batch of its own (mm/swap.c folio_mark_lazyfree tests folio_test_lru). And it does
// so once: a page that is written again stays lazily free as far as the lists are concerned
// (lru_lazyfree clears swapbacked, which only reclaim sets again), so that a second MADV_FREE
// counts none. Hence fresh pages for each event.
void count_freed(EventContext& event) {
  empty_page_batches();
  event.counter_before = vmstat("pglazyfree");
}

bool freed(EventContext& event) { return counted_a_quarter(event, "pglazyfree"); }

// Anonymous pages begin inactive, and then MADV_COLD has nothing to do but to clear referenced bits
// (mm/swap.c folio_deactivate). The second look at a page that is on a list makes it active
// (folio_mark_accessed, from mm/gup.c follow_page_pte).
void activate_pages(EventContext& event) {
  for (int look = 0; look < 3; ++look) {
    empty_page_batches();
    throw_if(madvise(event.slice, event.slice_bytes, MADV_POPULATE_WRITE) != 0,
             "madvise(MADV_POPULATE_WRITE)");
  }
  empty_page_batches();
  event.counter_before = vmstat("pgdeactivate");
}

/// A look does not make a huge page active (mm/huge_memory.c touch_pmd), so of those nothing tells.
bool deactivated(EventContext& event) {
  return counted_a_quarter(event, "pgdeactivate") ||
         read_backing(event.slice, event.slice_bytes).huge_bytes > 0;
}

bool faulted(EventContext& event) { return event.counter_before > 0; }

bool all_zero(EventContext& event) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(event.slice);
  return std::all_of(
      words, words + event.slice_bytes / sizeof(std::uint64_t),
      [](const std::uint64_t& word) { return __atomic_load_n(&word, __ATOMIC_RELAXED) == 0; });
}

void mark_mapping(EventContext& event) {
  throw_if(madvise(event.slice, event.slice_bytes, MADV_RANDOM) != 0, "madvise(MADV_RANDOM)");
}

bool mapping_replaced(EventContext& event) {
  const auto mappings = read_smaps(event.slice, event.slice_bytes);
  return !mappings.empty() && std::none_of(mappings.begin(), mappings.end(),
                                           [](const auto& one) { return one.has_flag("rr"); });
}

bool neighbour_gone(EventContext& event) {
  return read_smaps(event.spare, event.spare_bytes).empty();
}

bool neighbours_gone(EventContext& event) {
  return neighbour_gone(event) &&
         read_smaps(event.slice + event.slice_bytes, event.spare_bytes).empty();
}

// Not from smaps: the kernel may have merged the neighbour with the workload's own mapping.
bool neighbour_empty(EventContext& event) {
  std::vector<unsigned char> resident(event.spare_bytes / kPageBytes);
  throw_if(mincore(event.spare, event.spare_bytes, resident.data()) != 0,
           "mincore of the neighbour");
  return std::none_of(resident.begin(), resident.end(),
                      [](unsigned char page) { return (page & 1) != 0; });
}

bool collapsed(EventContext& event) {
  return read_backing(event.slice, event.slice_bytes).huge_bytes > 0;
}

}  // namespace perturbation_calls

void prepare_proof(const Perturbation& row, EventContext& event) {
  if (row.proof.before != nullptr) row.proof.before(event);
}

bool happened(const Perturbation& row, EventContext& event,
              std::optional<std::uint64_t> zeros_read) {
  if (row.proof.after != nullptr) return row.proof.after(event);
  return !row.proof.by_zeros_read || zeros_read.value_or(1) > 0;
}

std::string describe_proof(const Perturbation& row) {
  const Proof& proof = row.proof;
  return proof.shown_by.empty() ? "nothing; " + std::string(proof.impossible)
                                : std::string(proof.shown_by);
}

}  // namespace notifier
