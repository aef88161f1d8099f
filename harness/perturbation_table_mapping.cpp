// SPDX-License-Identifier: MIT
// What happens to the mapping of the workload's own memory. One row each.
#include <array>

#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_rows.hpp"

namespace notifier {
namespace {

constexpr std::string_view kHole =
    "there is a hole in the memory until it is mapped again: a stray access there is a fatal GPU "
    "fault (kfd_facts §0.9, §0.12)";
constexpr std::string_view kProtected =
    "queues stay stopped until the memory is writable again; a killed worker cannot undo it "
    "(kfd_facts §0.11)";
constexpr std::string_view kHoleShown =
    "the hole: MAP_FIXED_NOREPLACE can map something else where the memory was";

constexpr unsigned kPlainAnonymous = bit(Backing::kAnon);

using namespace perturbation_calls;

/// The three differ in where the hole is.
constexpr Perturbation munmap_quarter(std::string_view name, std::string_view summary,
                                      std::string_view misleads, void (*perform)(EventContext&)) {
  return {.name = name,
          .summary = summary,
          .scope = Scope::kRange,
          .minimum_pages = 4,
          .leaves_first = true,
          .svm_fate = SvmFate::kEnds,
          .rebuilds = true,
          .hazard = kHole,
          .evictions = 1,
          .evictions_source = "mm/mmap.c do_vmi_align_munmap, UNMAP (kfd_facts §1)",
          .misleads = misleads,
          .proof = {.shown_by = kHoleShown},
          .perform = perform,
          .finish = finish_munmap_part};
}

constexpr std::array kRows{
    munmap_quarter("munmap_front", "munmap of the first quarter of the workload's memory",
                   "one hole leaves a userptr BO without pages, so the waves leave all of it",
                   perform_munmap_front),
    munmap_quarter("munmap_middle", "munmap of the second quarter of the workload's memory",
                   "the mapping is split in two besides", perform_munmap_middle),
    munmap_quarter("munmap_end", "munmap of the last quarter of the workload's memory",
                   "as munmap_front", perform_munmap_end),
    Perturbation{
        .name = "map_fixed",
        .summary = "mmap(MAP_FIXED) of fresh memory over the workload's memory",
        .scope = Scope::kRange,
        .loss = Loss::kMapping,
        .minimum_pages = 1,
        .svm_fate = SvmFate::kEnds,
        .evictions = 1,
        .evictions_source = "mm/mmap.c munmap of the old mapping, UNMAP (kfd_facts §1)",
        .misleads = "freeing the old pages is part of the call",
        .proof = {.shown_by =
                      "VmFlags in /proc/self/smaps: the old mapping was marked (rr), the new one "
                      "is not",
                  .before = mark_mapping,
                  .after = mapping_replaced},
        .perform = perform_map_fixed},
    Perturbation{.name = "mremap_move",
                 .summary = "mremap of the workload's memory to another address, and back",
                 .scope = Scope::kRange,
                 .minimum_pages = 1,
                 .leaves_first = true,
                 .svm_fate = SvmFate::kEnds,
                 .rebuilds = true,
                 .hazard = kHole,
                 .evictions = 1,
                 .evictions_source = "mm/mremap.c move_page_tables, UNMAP (kfd_facts §1)",
                 .misleads = "the way back is not measured",
                 .proof = {.shown_by = kHoleShown},
                 .prepare = prepare_mremap,
                 .perform = perform_mremap_move,
                 .finish = finish_mremap_move},
    Perturbation{
        .name = "mremap_hammer",
        .summary = "mremap to another address and back, 32 times without a look between",
        .scope = Scope::kRange,
        .minimum_pages = 1,
        .leaves_first = true,
        .svm_fate = SvmFate::kEnds,
        .rebuilds = true,
        .hazard = kHole,
        .evictions = 1,
        .evictions_most = 64,
        .evictions_source = "as mremap_move; moves within the restore delay fall together",
        .misleads = "call is the time of all 64 moves",
        .proof = {.impossible =
                      "everything is where it was; each of the 64 calls returned its address"},
        .prepare = prepare_mremap,
        .perform = perform_mremap_hammer,
        .finish = finish_mremap_hammer},
    Perturbation{
        .name = "mremap_dontunmap",
        .summary = "mremap(MREMAP_DONTUNMAP): the pages move away, the mapping stays empty",
        .scope = Scope::kRange,
        .loss = Loss::kEverything,
        .minimum_pages = 1,
        .backings = kPlainAnonymous,
        .backings_reason = "of shared memory both mappings would show the same pages",
        .svm_fate = SvmFate::kEnds,
        .rebuilds = true,
        .evictions = 1,
        .evictions_source = "mm/mremap.c move_page_tables, UNMAP (kfd_facts §1)",
        .misleads = "every page is new afterwards, as after dontneed",
        .proof = {.shown_by = "the content, found at the new address"},
        .prepare = prepare_mremap,
        .perform = perform_mremap_dontunmap,
        .finish = finish_mremap_dontunmap},
    Perturbation{
        .name = "mprotect_ro_rw",
        .summary = "mprotect to read-only and back",
        .scope = Scope::kRange,
        .minimum_pages = 1,
        .svm_fate = SvmFate::kFollowsRights,
        .hazard = kProtected,
        .evictions = 1,
        .evictions_most = 2,
        .evictions_source = "mm/mprotect.c change_pmd_range, PROTECTION_VMA (kfd_facts §1)",
        .misleads = "call is the time of both calls; where more than the restore delay lies "
                    "between them, each evicts",
        .proof = {.impossible = kRightsAreBack},
        .prepare = prepare_protection,
        .perform = perform_mprotect_ro_rw},
    Perturbation{
        .name = "mprotect_none_rw",
        .summary = "mprotect to no access at all and back",
        .scope = Scope::kRange,
        .minimum_pages = 1,
        .leaves_first = true,
        .svm_fate = SvmFate::kFollowsRights,
        .rebuilds = true,
        .hazard = kProtected,
        .evictions = 1,
        .evictions_most = 2,
        .evictions_source = "mm/mprotect.c change_pmd_range, PROTECTION_VMA (kfd_facts §1)",
        .misleads = "call is the time of both calls; where more than the restore delay lies "
                    "between them, each evicts",
        .proof = {.impossible = kRightsAreBack},
        .prepare = prepare_protection,
        .perform = perform_mprotect_none_rw},
};

}  // namespace

std::span<const Perturbation> mapping_perturbations() { return kRows; }

}  // namespace notifier
