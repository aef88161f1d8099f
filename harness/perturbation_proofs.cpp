// SPDX-License-Identifier: MIT
#include "harness/perturbation_proofs.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <vector>

#include "harness/perturbation_calls.hpp"
#include "harness/smaps.hpp"
#include "harness/vmstat.hpp"

#ifndef MADV_POPULATE_WRITE  // Linux 5.14, include/uapi/asm-generic/mman-common.h
#define MADV_POPULATE_WRITE 23
#endif

namespace notifier {
namespace {

using perturbation_calls::throw_if;

constexpr std::size_t kPageBytes = 4096;

/// The counters are the machine's: what some other process frees is not a quarter of ours. Not all
/// pages, because those that a child shares are left alone (mm/madvise.c
/// folio_maybe_mapped_shared).
bool counted_a_quarter(const EventContext& event, std::string_view counter) {
  perturbation_calls::empty_page_batches();
  const std::int64_t pages = vmstat(counter) - event.counter_before;
  return pages * 4 >= static_cast<std::int64_t>(event.slice_bytes / kPageBytes);
}

// The kernel frees lazily what is on a list of pages: those that a CPU has touched for the first
// time wait in a batch of its own (mm/swap.c folio_mark_lazyfree tests folio_test_lru). And it does
// so once: a page that is written again stays lazily free as far as the lists are concerned
// (lru_lazyfree clears swapbacked, which only reclaim sets again), so that a second MADV_FREE
// counts none. Hence fresh pages for each event.
void count_freed(EventContext& event) {
  perturbation_calls::empty_page_batches();
  event.counter_before = vmstat("pglazyfree");
}

bool freed(EventContext& event) { return counted_a_quarter(event, "pglazyfree"); }

// Anonymous pages begin inactive, and then MADV_COLD has nothing to do but to clear referenced bits
// (mm/swap.c folio_deactivate). The second look at a page that is on a list makes it active
// (folio_mark_accessed, from mm/gup.c follow_page_pte).
void activate_pages(EventContext& event) {
  for (int look = 0; look < 3; ++look) {
    perturbation_calls::empty_page_batches();
    throw_if(madvise(event.slice, event.slice_bytes, MADV_POPULATE_WRITE) != 0,
             "madvise(MADV_POPULATE_WRITE)");
  }
  perturbation_calls::empty_page_batches();
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

// Of content that goes; CaseSession counts what the device reads.
constexpr std::string_view kZerosRead =
    "zeros that the device reads (allowed_zeros), where the content goes; shared memory keeps it";
constexpr std::string_view kChildren = "each child, which waitpid finds ended with 0";
constexpr std::string_view kHole =
    "the hole: MAP_FIXED_NOREPLACE can map something else where the memory was";
constexpr std::string_view kRightsAreBack =
    "the rights are again what they were, and the kernel counts no mprotect";
constexpr std::string_view kMigrated =
    "the driver's events of the migration, which name the pages and the cause";
constexpr std::string_view kFaults =
    "page faults of the thread that reads (getrusage): each maps a page of zeros, or of the file";
constexpr std::string_view kSwappedOut = "pages written to swap (pswpout in /proc/vmstat)";
constexpr std::string_view kArrived = "the files' content, compared on the device";
constexpr std::string_view kOtherNode = "the node of the pages, which move_pages tells";
constexpr std::string_view kWorkerGone = "the end of the worker, for which its parent waits";
constexpr std::string_view kNeighbourGone = "/proc/self/smaps, without the neighbour";

constexpr std::array kProofs{
    Proof{.perturbation = "none", .impossible = "nothing is done"},
    Proof{.perturbation = "sham", .impossible = "nothing is done to memory"},
    Proof{"fork_exit", kChildren},
    Proof{"fork_child_write", kChildren},
    Proof{"fork_parent_write", kChildren},
    Proof{"fork_child_hold", kChildren},
    Proof{"fork_exec", kChildren},
    Proof{"fork_storm", kChildren},
    Proof{"fork_workers", kChildren},
    Proof{"fork_unknown_buffer", kChildren},
    Proof{"posix_spawn", kChildren},
    Proof{"vfork", kChildren},
    Proof{"clone_vm", kChildren},
    Proof{.perturbation = "munmap_neighbour", .shown_by = kNeighbourGone, .after = neighbour_gone},
    Proof{.perturbation = "munmap_both_sides",
          .shown_by = "/proc/self/smaps, without the neighbours",
          .after = neighbours_gone},
    Proof{.perturbation = "munmap_hammer", .shown_by = kNeighbourGone, .after = neighbour_gone},
    Proof{.perturbation = "munmap_nothing", .impossible = "nothing is mapped there that could go"},
    Proof{"neighbour_merge", "/proc/self/smaps: one mapping over both"},
    Proof{.perturbation = "neighbour_dontneed",
          .shown_by = "mincore, which finds no page of the neighbour",
          .after = neighbour_empty},
    Proof{.perturbation = "neighbour_mprotect", .impossible = kRightsAreBack},
    Proof{"neighbour_huge_split", "AnonHugePages in /proc/self/smaps: the huge page is gone"},
    Proof{"munmap_front", kHole},
    Proof{"munmap_middle", kHole},
    Proof{"munmap_end", kHole},
    Proof{.perturbation = "map_fixed",
          .shown_by = "VmFlags in /proc/self/smaps: the old mapping was marked (rr), the new one "
                      "is not",
          .before = mark_mapping,
          .after = mapping_replaced},
    Proof{"mremap_move", kHole},
    Proof{.perturbation = "mremap_hammer",
          .impossible = "everything is where it was; each of the 64 calls returned its address"},
    Proof{"mremap_dontunmap", "the content, found at the new address"},
    Proof{.perturbation = "mprotect_ro_rw", .impossible = kRightsAreBack},
    Proof{.perturbation = "mprotect_none_rw", .impossible = kRightsAreBack},
    Proof{"dontneed", kZerosRead},
    Proof{.perturbation = "zero_page", .shown_by = kFaults, .after = faulted},
    Proof{.perturbation = "clean_file", .shown_by = kFaults, .after = faulted},
    Proof{.perturbation = "free",
          .shown_by = "pages that became lazily free (pglazyfree in /proc/vmstat, with every CPU's "
                      "batch emptied): at least a quarter of the memory's",
          .before = count_freed,
          .after = freed},
    Proof{"punch_hole", kZerosRead},
    Proof{.perturbation = "truncate",
          .shown_by = "the memory's words, all zero afterwards",
          .after = all_zero},
    Proof{.perturbation = "cold",
          .shown_by = "pages that became inactive (pgdeactivate in /proc/vmstat, with every CPU's "
                      "batch emptied), made active before: at least a quarter of the memory's; a "
                      "huge page cannot be made active, so of those nothing tells",
          .before = activate_pages,
          .after = deactivated},
    Proof{"pageout", kSwappedOut},
    Proof{.perturbation = "collapse",
          .shown_by = "AnonHugePages in /proc/self/smaps",
          .after = collapsed},
    Proof{"compact", "pages that were looked at (compact_*_scanned in /proc/vmstat)"},
    Proof{"prefetch_device", kMigrated},
    Proof{"prefetch_host", kMigrated},
    Proof{"cpu_touch", kMigrated},
    Proof{"move_pages", kOtherNode},
    Proof{"mbind", kOtherNode},
    Proof{"ksm", "/proc/self/ksm_merging_pages"},
    Proof{"reclaim", kSwappedOut},
    Proof{"load_pinned", kArrived},
    Proof{"load_unpinned_first", kArrived},
    Proof{"load_staged", kArrived},
    Proof{"load_read", kArrived},
    Proof{"exit_running", kWorkerGone},
    Proof{"kill_running", kWorkerGone},
    Proof{"exec_running", kWorkerGone},
};

}  // namespace

const Proof* find_proof(std::string_view perturbation) {
  const auto* found = std::find_if(kProofs.begin(), kProofs.end(), [&](const Proof& proof) {
    return proof.perturbation == perturbation;
  });
  return found == kProofs.end() ? nullptr : found;
}

void prepare_proof(const Perturbation& row, EventContext& event) {
  const Proof* proof = find_proof(row.name);
  if (proof != nullptr && proof->before != nullptr) proof->before(event);
}

bool happened(const Perturbation& row, EventContext& event,
              std::optional<std::uint64_t> zeros_read) {
  const Proof* proof = find_proof(row.name);
  if (proof == nullptr) return true;
  if (proof->after != nullptr) return proof->after(event);
  return proof->shown_by != kZerosRead || zeros_read.value_or(1) > 0;
}

std::string describe_proof(const Perturbation& row) {
  const Proof* proof = find_proof(row.name);
  if (proof == nullptr) return "nothing";
  return proof->shown_by.empty() ? "nothing; " + std::string(proof->impossible)
                                 : std::string(proof->shown_by);
}

}  // namespace notifier
