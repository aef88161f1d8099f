// SPDX-License-Identifier: MIT
// What happens to the workload's own memory, and to all memory of the machine. One row each.
#include <array>

#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_rows.hpp"

namespace notifier {
namespace {

constexpr std::uint64_t kPagesOfAHugePage = 512;

constexpr std::string_view kHole =
    "there is a hole in the memory until it is mapped again: a stray access there is a fatal GPU "
    "fault (kfd_facts §0.9, §0.12)";
constexpr std::string_view kProtected =
    "queues stay stopped until the memory is writable again; a killed worker cannot undo it "
    "(kfd_facts §0.11)";

constexpr unsigned kPlainAnonymous = bit(Backing::kAnon);
constexpr unsigned kShared = bit(Backing::kMemfd) | bit(Backing::kSharedAnon);
constexpr unsigned kAnonymous =
    kEveryBacking & ~(kShared | bit(Backing::kHugetlb) | bit(Backing::kFilePrivate));
constexpr std::string_view kOnlyMovesBasePages = "the pages to be moved together are base pages";
constexpr std::string_view kOnlyAnonymous =
    "the kernel takes this for private anonymous memory only";

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
    Perturbation{.name = "map_fixed",
                 .summary = "mmap(MAP_FIXED) of fresh memory over the workload's memory",
                 .scope = Scope::kRange,
                 .loss = Loss::kMapping,
                 .minimum_pages = 1,
                 .svm_fate = SvmFate::kEnds,
                 .evictions = 1,
                 .evictions_source = "mm/mmap.c munmap of the old mapping, UNMAP (kfd_facts §1)",
                 .misleads = "freeing the old pages is part of the call",
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
                 .prepare = prepare_mremap,
                 .perform = perform_mremap_move,
                 .finish = finish_mremap_move},
    Perturbation{.name = "mremap_hammer",
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
        .prepare = prepare_protection,
        .perform = perform_mprotect_none_rw},
    Perturbation{.name = "dontneed",
                 .summary = "madvise(MADV_DONTNEED) on the workload's memory",
                 .scope = Scope::kRange,
                 .loss = Loss::kPrivatePages,
                 .minimum_pages = 1,
                 .evictions = 1,
                 .evictions_source = "mm/memory.c zap_page_range_single, CLEAR (kfd_facts §1)",
                 .misleads = "restore faults fresh pages in: the stall contains clearing them",
                 .perform = perform_dontneed},
    Perturbation{.name = "zero_page",
                 .summary = "madvise(MADV_DONTNEED), then the CPU reads every page first",
                 .scope = Scope::kRange,
                 .loss = Loss::kPrivatePages,
                 .minimum_pages = 1,
                 .backings = kPlainAnonymous,
                 .backings_reason = "only private anonymous memory gets the kernel's page of zeros",
                 .evictions = 1,
                 .evictions_most = kAnyNumberOfEvictions,
                 .evictions_source =
                     "as dontneed; the device's write replaces each page of zeros (mm/memory.c "
                     "wp_page_copy, CLEAR), nested as long as the queues stand",
                 .on_softgpu = SoftgpuDifference{1,
                                                 "replacing a page of zeros makes no system "
                                                 "call: it hears of the madvise only"},
                 .misleads = "where restore is quicker than the CPU there is no page of zeros left "
                             "to read: compare with dontneed",
                 .perform = perform_first_read},
    Perturbation{
        .name = "clean_file",
        .summary = "madvise(MADV_DONTNEED), then the CPU reads every page of the file first",
        .scope = Scope::kRange,
        .loss = Loss::kPrivatePages,
        .minimum_pages = 1,
        .backings = bit(Backing::kFilePrivate),
        .backings_reason = "a private mapping of a file is clean until it is written",
        .evictions = 1,
        .evictions_most = kAnyNumberOfEvictions,
        .evictions_source = "as dontneed; the device's write copies each page of the file "
                            "(mm/memory.c do_cow_fault, or wp_page_copy, CLEAR, where the CPU was "
                            "first), nested as long as the queues stand",
        .on_softgpu = SoftgpuDifference{1,
                                        "copies of file pages make no system call: it hears of the "
                                        "madvise only"},
        .misleads = "registered memory cannot stay clean: each restore writes to every page",
        .perform = perform_first_read},
    Perturbation{
        .name = "free",
        .summary = "madvise(MADV_FREE): the kernel may take the pages when it needs memory",
        .scope = Scope::kRange,
        .loss = Loss::kPrivatePages,
        .minimum_pages = 1,
        .backings = kAnonymous,
        .backings_reason = kOnlyAnonymous,
        .rebuilds = true,
        .evictions = 1,
        .evictions_source = "mm/madvise.c madvise_free_single_vma, CLEAR (kfd_facts §1)",
        .misleads = "without memory pressure no page goes, and the content stays",
        .perform = perform_free},
    Perturbation{.name = "punch_hole",
                 .summary = "madvise(MADV_REMOVE): a hole in the file that holds the memory",
                 .scope = Scope::kRange,
                 .loss = Loss::kEverything,
                 .minimum_pages = 1,
                 .backings = kShared,
                 .backings_reason = "only shared files and shared anonymous memory can have holes",
                 .evictions = 1,
                 .evictions_source = "mm/memory.c unmap_mapping_range, CLEAR (kfd_facts §1)",
                 .misleads =
                     "fallocate(FALLOC_FL_PUNCH_HOLE) does the same by file offset, which the "
                     "software GPU does not see",
                 .perform = perform_punch_hole},
    Perturbation{.name = "truncate",
                 .summary = "ftruncate of the file that holds the memory, to nothing and back",
                 .scope = Scope::kRange,
                 .loss = Loss::kEverything,
                 .minimum_pages = 1,
                 .backings = bit(Backing::kMemfd) | bit(Backing::kFilePrivate),
                 .backings_reason = "no file lies behind the memory",
                 .leaves_first = true,
                 .rebuilds = true,
                 .hazard = kHole,
                 .evictions = 1,
                 .evictions_source = "mm/memory.c unmap_mapping_range, CLEAR (kfd_facts §1)",
                 .misleads = "call is the time of both calls, and contains freeing the pages",
                 .perform = perform_truncate},
    Perturbation{
        .name = "cold",
        .summary = "madvise(MADV_COLD): marks the pages as the next to be reclaimed",
        .scope = Scope::kRange,
        .minimum_pages = 1,
        .backings = ~bit(Backing::kHugetlb),
        .backings_reason = "huge pages of hugetlbfs are never reclaimed",
        .evictions_source = "mm/madvise.c madvise_cold: ages pages, takes none away",
        .misleads = "whether pages are reclaimed later, under pressure, is not part of the window",
        .perform = perform_cold},
    Perturbation{
        .name = "pageout",
        .summary = "madvise(MADV_PAGEOUT): writes the pages to swap",
        .scope = Scope::kRange,
        .minimum_pages = 1,
        .backings = ~bit(Backing::kHugetlb),
        .backings_reason = "huge pages of hugetlbfs are never reclaimed",
        .rebuilds = true,
        .evictions = 1,
        .evictions_most = kAnyNumberOfEvictions,
        .evictions_source = "mm/rmap.c try_to_unmap_one, CLEAR, once a page (kfd_facts §1)",
        .on_softgpu =
            SoftgpuDifference{1, "the call is one invalidation, whatever it finds to reclaim"},
        .misleads = "the device needs the pages again at once: the stall contains reading swap",
        .prepare = prepare_pageout,
        .perform = perform_pageout,
        .finish = finish_pageout},
    Perturbation{.name = "collapse",
                 .summary = "madvise(MADV_COLLAPSE): the kernel moves the pages into huge pages",
                 .scope = Scope::kRange,
                 .minimum_pages = kPagesOfAHugePage,
                 .backings = kPlainAnonymous,
                 .backings_reason = kOnlyMovesBasePages,
                 .rebuilds = true,
                 .evictions = 1,
                 .evictions_source = "mm/khugepaged.c collapse_huge_page, CLEAR (kfd_facts §1)",
                 .misleads = "the call may have to make huge pages first, by compaction",
                 .prepare = prepare_collapse,
                 .perform = perform_collapse,
                 .finish = finish_collapse},
    Perturbation{.name = "compact",
                 .summary = "asks the kernel to compact all memory (/proc/sys/vm/compact_memory)",
                 .scope = Scope::kSystem,
                 .evictions_most = kAnyNumberOfEvictions,
                 .evictions_source =
                     "mm/migrate.c, CLEAR for each page that happens to move: any number "
                     "on a GPU; the software GPU sees none",
                 .on_softgpu = SoftgpuDifference{0,
                                                 "no system call names the pages; the audit "
                                                 "finds the moves and the harness excuses them"},
                 .misleads = "it moves what it likes, so that a case without stall proves nothing",
                 .prepare = prepare_compact,
                 .perform = perform_compact,
                 .finish = finish_compact},
};

}  // namespace

std::span<const Perturbation> memory_perturbations() { return kRows; }

}  // namespace notifier
