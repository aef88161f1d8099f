// SPDX-License-Identifier: MIT
#include <array>

#include "harness/pin/perturbation_calls.hpp"

namespace notifier::pin {
namespace {

using namespace perturbation_calls;
using enum Outcome;

constexpr std::string_view kFork =
    "mm/memory.c copy_present_page: folio_try_dup_anon_rmap_pte refuses a page that may be pinned "
    "(folio_needs_cow_for_dma), so the child gets a copy at once";
constexpr std::string_view kZap = "mm/memory.c zap_pte_range: the page table lets go of the page";
constexpr std::string_view kMove =
    "mm/mremap.c move_ptes: the page table entry moves, the page stays";

constexpr Expected kSafe = {kCoherent, kCoherent, kCoherent, kCoherent};
// A page that only has references counts as shared: the process's next write gives it another one.
constexpr Expected kForkSplits = {kCoherent, kOrphan, kCoherent, kCoherent};
constexpr Expected kLost = {kOrphan, kOrphan, kCoherent, kCoherent};
constexpr Expected kGone = {kOrphan, kOrphan, kFault, kFault};

constexpr std::array kTable = {
    PerturbationRow{.name = "none",
                    .policy = "default",
                    .summary = "nothing: shows that actor and process work on the same memory",
                    .source = "",
                    .on_all_pages = true,
                    .expected = kSafe,
                    .perform = do_nothing},
    PerturbationRow{.name = "fork_child_hold",
                    .policy = "default",
                    .summary = "fork; the child lives and looks, the device comes first",
                    .source = kFork,
                    .forks = true,
                    .on_all_pages = true,
                    .expected = kForkSplits,
                    .perform = fork_and_hold},
    PerturbationRow{.name = "fork_parent_write",
                    .policy = "default",
                    .summary = "fork; the process writes first, the child lives",
                    .source = kFork,
                    .forks = true,
                    .on_all_pages = true,
                    .first_writer = FirstWriter::kProcess,
                    .expected = kForkSplits,
                    .perform = fork_and_hold},
    PerturbationRow{.name = "fork_child_write",
                    .policy = "default",
                    .summary = "fork; the child writes first",
                    .source = kFork,
                    .forks = true,
                    .on_all_pages = true,
                    .first_writer = FirstWriter::kChild,
                    .expected = kForkSplits,
                    .hugetlb_reference = kCoherent,
                    .perform = fork_and_hold},
    PerturbationRow{.name = "fork_exit",
                    .policy = "default",
                    .summary = "fork; the child is gone before the process writes",
                    .source = "mm/memory.c do_wp_page: wp_can_reuse_anon_folio wants one reference",
                    .forks = true,
                    .on_all_pages = true,
                    .first_writer = FirstWriter::kProcess,
                    .expected = kForkSplits,
                    .hugetlb_reference = kCoherent,
                    .perform = fork_and_wait},
    PerturbationRow{.name = "fork_parent_unmap",
                    .policy = "default",
                    .summary = "fork; the process unmaps its memory, the child keeps its own",
                    .source = kFork,
                    .forks = true,
                    .on_all_pages = true,
                    .expected = kGone,
                    .perform = fork_and_unmap},
    PerturbationRow{.name = "fork_unmap_child_write",
                    .policy = "default",
                    .summary = "fork; the process unmaps its memory, the child writes to its own",
                    .source = kFork,
                    .forks = true,
                    .on_all_pages = true,
                    .first_writer = FirstWriter::kChild,
                    .expected = kGone,
                    .hugetlb_reference = kReachesChild,
                    .perform = fork_and_unmap},
    PerturbationRow{.name = "fork_mprotect",
                    .policy = "default",
                    .summary = "fork; the process makes the memory read-only and back, then writes",
                    .source = "mm/mprotect.c can_change_pte_writable: not without a fault where "
                              "the page is shared",
                    .forks = true,
                    .on_all_pages = true,
                    .first_writer = FirstWriter::kProcess,
                    .expected = kForkSplits,
                    .perform = fork_and_protect},
    PerturbationRow{.name = "fork_before_hold",
                    .policy = "default",
                    .summary = "fork, then the actor takes hold, then the process writes",
                    .source =
                        "mm/gup.c faultin_page: a shared page is replaced before it is pinned for "
                        "writing",
                    .forks = true,
                    .on_all_pages = true,
                    .first_writer = FirstWriter::kProcess,
                    .expected = kForkSplits,
                    .before = fork_and_hold,
                    .perform = do_nothing},
    PerturbationRow{
        .name = "fork_exit_before_hold",
        .policy = "default",
        .summary = "fork; the child ends, then the actor takes hold, the process writes",
        .source = "mm/gup.c gup_must_unshare: a page that was shared is not pinned as "
                  "it is, though nobody else has it any more",
        .forks = true,
        .on_all_pages = true,
        .first_writer = FirstWriter::kProcess,
        .expected = kForkSplits,
        .hugetlb_reference = kCoherent,
        .before = fork_and_wait,
        .perform = do_nothing},
    PerturbationRow{
        .name = "fork_before_hold_unmap",
        .policy = "default",
        .summary = "fork, then the actor takes hold, the process unmaps, the child writes",
        .source = "mm/gup.c faultin_page: a shared page is replaced before it is pinned for "
                  "writing",
        .forks = true,
        .on_all_pages = true,
        .first_writer = FirstWriter::kChild,
        .expected = kGone,
        .hugetlb_reference = kReachesChild,
        .before = fork_and_hold,
        .perform = unmap_after_fork},
    PerturbationRow{.name = "fork_parent_write",
                    .policy = "dontfork",
                    .summary = "as above with MADV_DONTFORK: the child has a hole there",
                    .source = "mm/mmap.c dup_mmap (before 6.16 kernel/fork.c): VM_DONTCOPY",
                    .forks = true,
                    .first_writer = FirstWriter::kProcess,
                    .expected = kSafe,
                    .before = advise_dontfork,
                    .perform = fork_and_hold},
    PerturbationRow{.name = "fork_parent_write",
                    .policy = "wipeonfork",
                    .summary = "as above with MADV_WIPEONFORK: the child has zeros there",
                    .source = "mm/mmap.c dup_mmap (before 6.16 kernel/fork.c): VM_WIPEONFORK",
                    .forks = true,
                    .first_writer = FirstWriter::kProcess,
                    .expected = kSafe,
                    .before = advise_wipeonfork,
                    .perform = fork_and_hold},
    PerturbationRow{.name = "dontneed",
                    .policy = "default",
                    .summary = "madvise(MADV_DONTNEED)",
                    .source = kZap,
                    .expected = kLost,
                    .perform = dontneed},
    PerturbationRow{.name = "map_fixed",
                    .policy = "default",
                    .summary = "fresh memory mapped in place (MAP_FIXED)",
                    .source = kZap,
                    .expected = kLost,
                    .perform = map_fixed},
    PerturbationRow{.name = "munmap_mmap",
                    .policy = "default",
                    .summary = "munmap, then mmap at the same address",
                    .source = kZap,
                    .expected = kLost,
                    .perform = munmap_mmap},
    PerturbationRow{.name = "munmap",
                    .policy = "default",
                    .summary = "munmap; nothing is there any more",
                    .source = kZap,
                    .expected = kGone,
                    .perform = unmap},
    PerturbationRow{.name = "mremap_move",
                    .policy = "default",
                    .summary = "moved to another address; the process looks there",
                    .source = kMove,
                    .expected = {kCoherent, kCoherent, kFault, kFault},
                    .perform = mremap_move},
    PerturbationRow{.name = "mremap_dontunmap",
                    .policy = "default",
                    .summary = "moved, the old address stays mapped and empty; either place counts",
                    .source = kMove,
                    .expected = kSafe,
                    .perform = mremap_dontunmap},
    PerturbationRow{.name = "mprotect_ro",
                    .policy = "default",
                    .summary = "read-only while the device comes",
                    .source = "mm/mprotect.c change_pte_range: rights of the page table only; a "
                              "new look-up obeys them (mm/gup.c check_vma_flags)",
                    .expected = {kCoherent, kCoherent, kFault, kCoherent},
                    .perform = protect_ro,
                    .undo = unprotect},
    PerturbationRow{.name = "mprotect_none",
                    .policy = "default",
                    .summary = "no access while the device comes",
                    .source = "mm/mprotect.c change_pte_range, mm/gup.c check_vma_flags",
                    .expected = {kCoherent, kCoherent, kFault, kFault},
                    .perform = protect_none,
                    .undo = unprotect},
    PerturbationRow{.name = "mprotect_ro_rw",
                    .policy = "default",
                    .summary = "read-only and back",
                    .source = "mm/mprotect.c can_change_pte_writable",
                    .on_all_pages = true,
                    .expected = kSafe,
                    .perform = protect_ro_rw},
    PerturbationRow{
        .name = "mprotect_soft_dirty",
        .policy = "default",
        .summary = "read-only, soft-dirty bits cleared, and back: the next write faults",
        .source = "mm/mprotect.c can_change_pte_writable, mm/memory.c do_wp_page: an "
                  "exclusive page is written to where it is",
        .on_all_pages = true,
        .first_writer = FirstWriter::kProcess,
        .expected = kSafe,
        .perform = protect_and_clear},
    PerturbationRow{.name = "mprotect_before_hold",
                    .policy = "default",
                    .summary = "the same before the actor takes hold, then the process writes",
                    .source = "mm/gup.c gup_must_unshare: an exclusive page is pinned as it is",
                    .on_all_pages = true,
                    .first_writer = FirstWriter::kProcess,
                    .expected = kSafe,
                    .before = protect_and_clear,
                    .perform = do_nothing},
    PerturbationRow{.name = "move_pages",
                    .policy = "default",
                    .summary = "move_pages(2) to another NUMA node",
                    .source = "mm/migrate.c folio_migrate_mapping: expected_count",
                    .moves = true,
                    .expected = kSafe,
                    .cannot_run = why_no_second_node,
                    .perform = move_pages},
    PerturbationRow{.name = "compact",
                    .policy = "default",
                    .summary = "compaction of the whole machine (vm.compact_memory)",
                    .source = "mm/compaction.c isolate_migratepages_block: skips a page with more "
                              "references than mappings",
                    .moves = true,
                    .whole_machine = true,
                    .expected = kSafe,
                    .cannot_run = why_no_compaction,
                    .perform = compact},
    PerturbationRow{.name = "collapse",
                    .policy = "default",
                    .summary = "madvise(MADV_COLLAPSE) into a huge page",
                    .source = "mm/khugepaged.c __collapse_huge_page_isolate: refuses a page with "
                              "more references than mappings",
                    .moves = true,
                    .area_bytes = kHugeBytes,
                    .expected = kSafe,
                    .cannot_run = why_no_collapse,
                    .perform = collapse},
    PerturbationRow{.name = "ksm",
                    .policy = "default",
                    .summary = "two full scans of ksmd over the memory and its twin",
                    .source = "mm/ksm.c write_protect_page: refuses a page with more references "
                              "than mappings",
                    .moves = true,
                    .whole_machine = true,
                    .expected = kSafe,
                    .cannot_run = why_no_ksm,
                    .perform = merge},
    PerturbationRow{.name = "pageout",
                    .policy = "default",
                    .summary = "madvise(MADV_PAGEOUT), with swap",
                    .source = "mm/vmscan.c shrink_folio_list: folio_maybe_dma_pinned, "
                              "__remove_mapping",
                    .moves = true,
                    .expected = kSafe,
                    .cannot_run = why_no_pageout,
                    .perform = page_out},
};

}  // namespace

std::span<const PerturbationRow> perturbations() { return kTable; }

const PerturbationRow* find_perturbation(std::string_view name, std::string_view policy) {
  for (const PerturbationRow& row : kTable) {
    if (row.name == name && row.policy == policy) return &row;
  }
  return nullptr;
}

Outcome expected_outcome(const PerturbationRow& row, Hold hold, Direction direction,
                         Backing backing) {
  if (hold == Hold::kPin) return row.expected.pin;
  if (hold == Hold::kReference) {
    const bool of_pool = backing == Backing::kHugetlb;
    return of_pool ? row.hugetlb_reference.value_or(row.expected.reference)
                   : row.expected.reference;
  }
  return direction == Direction::kDeviceWrites ? row.expected.nothing_writes
                                               : row.expected.nothing_reads;
}

}  // namespace notifier::pin
