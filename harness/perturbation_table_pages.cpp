// SPDX-License-Identifier: MIT
// What happens to the pages of the workload's own memory, and to all memory of the machine. One row
// each.
#include <array>

#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_rows.hpp"

namespace notifier {
namespace {

constexpr std::uint64_t kPagesOfAHugePage = 512;

constexpr std::string_view kHole =
    "there is a hole in the memory until it is mapped again: a stray access there is a fatal GPU "
    "fault (kfd_facts §0.9, §0.12)";

// Of content that goes; CaseSession counts what the device reads.
constexpr std::string_view kZerosRead =
    "zeros that the device reads (allowed_zeros), where the content goes; shared memory keeps it";
constexpr std::string_view kFaults =
    "page faults of the thread that reads (getrusage): each maps a page of zeros, or of the file";

constexpr unsigned kPlainAnonymous = bit(Backing::kAnon);
constexpr unsigned kShared = bit(Backing::kMemfd) | bit(Backing::kSharedAnon);
constexpr unsigned kAnonymous =
    kEveryBacking & ~(kShared | bit(Backing::kHugetlb) | bit(Backing::kFilePrivate));
constexpr std::string_view kOnlyMovesBasePages = "the pages to be moved together are base pages";
constexpr std::string_view kOnlyAnonymous =
    "the kernel takes this for private anonymous memory only";

using namespace perturbation_calls;

constexpr std::array kRows{
    Perturbation{.name = "dontneed",
                 .summary = "madvise(MADV_DONTNEED) on the workload's memory",
                 .scope = Scope::kRange,
                 .loss = Loss::kPrivatePages,
                 .minimum_pages = 1,
                 .evictions = 1,
                 .evictions_source = "mm/memory.c zap_page_range_single, CLEAR (kfd_facts §1)",
                 .misleads = "restore faults fresh pages in: the stall contains clearing them",
                 .proof = {.shown_by = kZerosRead, .by_zeros_read = true},
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
                 .proof = {.shown_by = kFaults, .after = faulted},
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
        .proof = {.shown_by = kFaults, .after = faulted},
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
        .proof = {.shown_by =
                      "pages that became lazily free (pglazyfree in /proc/vmstat, with every CPU's "
                      "batch emptied): at least a quarter of the memory's",
                  .before = count_freed,
                  .after = freed},
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
                 .proof = {.shown_by = kZerosRead, .by_zeros_read = true},
                 .perform = perform_punch_hole},
    Perturbation{
        .name = "truncate",
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
        .proof = {.shown_by = "the memory's words, all zero afterwards", .after = all_zero},
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
        .proof = {.shown_by =
                      "pages that became inactive (pgdeactivate in /proc/vmstat, with every CPU's "
                      "batch emptied), made active before: at least a quarter of the memory's; a "
                      "huge page cannot be made active, so of those nothing tells",
                  .before = activate_pages,
                  .after = deactivated},
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
        .proof = {.shown_by = kSwappedOut},
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
                 .proof = {.shown_by = "AnonHugePages in /proc/self/smaps", .after = collapsed},
                 .prepare = prepare_collapse,
                 .perform = perform_collapse,
                 .finish = finish_collapse},
    Perturbation{
        .name = "compact",
        .summary = "asks the kernel to compact all memory (/proc/sys/vm/compact_memory)",
        .scope = Scope::kSystem,
        .evictions_most = kAnyNumberOfEvictions,
        .evictions_source = "mm/migrate.c, CLEAR for each page that happens to move: any number "
                            "on a GPU; the software GPU sees none",
        .on_softgpu = SoftgpuDifference{0,
                                        "no system call names the pages; the audit "
                                        "finds the moves and the harness excuses them"},
        .misleads = "it moves what it likes, so that a case without stall proves nothing",
        .proof = {.shown_by = "pages that were looked at (compact_*_scanned in /proc/vmstat)"},
        .prepare = prepare_compact,
        .perform = perform_compact,
        .finish = finish_compact},
};

}  // namespace

std::span<const Perturbation> page_perturbations() { return kRows; }

}  // namespace notifier
