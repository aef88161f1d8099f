// SPDX-License-Identifier: MIT
// What kernel and driver do with pages by themselves or by request, content unchanged. One row
// each.
#include <array>

#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_rows.hpp"

namespace notifier {
namespace {

constexpr unsigned kPlainAnonymous = bit(Backing::kAnon);
constexpr std::string_view kMigrationSource =
    "mm/migrate.c try_to_migrate, CLEAR, once a page (kfd_facts §1)";

// Fast enough that a case ends: all pages twice in a fraction of a second (Documentation/
// admin-guide/mm/ksm.rst).
constexpr std::array kKsmSettings{SettingWanted{"ksm_pages_to_scan", "20000"},
                                  SettingWanted{"ksm_sleep_ms", "5"},
                                  SettingWanted{"ksm_run", "1"}};

constexpr std::string_view kMoveSource =
    "mm/migrate_device.c migrate_vma_setup, MIGRATE: svm_range_evict stops the queues of a range "
    "that "
    "is mapped (kfd_facts §2); several where restores fall between pieces, none with retry faults. "
    "The software GPU does the same, in pieces of a 32nd of its memory";

constexpr std::string_view kOneCall =
    "the call is one invalidation of all that it names, whether pages move or not";

constexpr std::string_view kMigrated =
    "the driver's events of the migration, which name the pages and the cause";
constexpr std::string_view kOtherNode = "the node of the pages, which move_pages tells";

using namespace perturbation_calls;

/// Managed memory that the call moves to the device or home.
constexpr Perturbation prefetch(std::string_view name, std::string_view summary,
                                std::string_view misleads, void (*prepare)(EventContext&),
                                void (*perform)(EventContext&)) {
  return {.name = name,
          .summary = summary,
          .scope = Scope::kRange,
          .minimum_pages = 1,
          .migration = MigrateTrigger::kPrefetch,
          .evictions = 1,
          .evictions_most = 64,
          .evictions_source = kMoveSource,
          .misleads = misleads,
          .proof = {.shown_by = kMigrated},
          .prepare = prepare,
          .perform = perform,
          .finish = finish_at_home};
}

constexpr std::array kRows{
    prefetch("prefetch_device",
             "hipMemPrefetchAsync of the workload's memory to the device, until it is there",
             "call is the time until the memory has moved, copy included; on the software GPU both "
             "memories are the computer's",
             prepare_at_home, perform_prefetch_device),
    prefetch("prefetch_host",
             "hipMemPrefetchAsync of the workload's memory back from the device, until it is there",
             "as prefetch_device; the way to the device is not measured", prepare_on_device,
             perform_prefetch_host),
    Perturbation{
        .name = "cpu_touch",
        .summary = "the CPU reads one word of the workload's memory, which is on the device",
        .scope = Scope::kRange,
        .minimum_pages = 1,
        .migration = MigrateTrigger::kPageFaultCpu,
        .evictions = 1,
        .evictions_source =
            "kfd_migrate.c svm_migrate_to_ram, of the block around the page: MIGRATE as for "
            "prefetch_device; the software GPU does the same by a userfaultfd",
        .misleads = "call is the CPU's page fault with the copy of up to 2 MiB, not one word",
        .proof = {.shown_by = kMigrated},
        .prepare = prepare_on_device,
        .perform = perform_cpu_touch,
        .finish = finish_at_home},
    Perturbation{.name = "move_pages",
                 .summary = "move_pages() of every page to another NUMA node",
                 .scope = Scope::kRange,
                 .minimum_pages = 1,
                 .evictions = 1,
                 .evictions_most = kAnyNumberOfEvictions,
                 .evictions_source = kMigrationSource,
                 .on_softgpu = SoftgpuDifference{1, kOneCall},
                 .misleads = "the call copies the pages; each event moves them the other way",
                 .proof = {.shown_by = kOtherNode},
                 .prepare = prepare_other_node,
                 .perform = perform_move_pages},
    Perturbation{.name = "mbind",
                 .summary = "mbind(MPOL_MF_MOVE): a policy for the memory, which moves its pages",
                 .scope = Scope::kRange,
                 .minimum_pages = 1,
                 .evictions = 1,
                 .evictions_most = kAnyNumberOfEvictions,
                 .evictions_source = kMigrationSource,
                 .on_softgpu = SoftgpuDifference{1, kOneCall},
                 .misleads = "as move_pages; pages that others share stay",
                 .proof = {.shown_by = kOtherNode},
                 .prepare = prepare_other_node,
                 .perform = perform_mbind,
                 .finish = finish_mbind},
    Perturbation{
        .name = "ksm",
        .summary = "equal pages, MADV_MERGEABLE, and KSM merges at least half of them",
        .scope = Scope::kRange,
        .minimum_pages = 8,
        .backings = kPlainAnonymous,
        .backings_reason = "KSM merges private anonymous base pages",
        .leaves_first = true,
        .rebuilds = true,
        .settings = kKsmSettings,
        .evictions_most = kAnyNumberOfEvictions,
        .evictions_source =
            "mm/ksm.c write_protect_page and replace_page, CLEAR for each page: any number "
            "on a GPU, whose restores undo the merging; the software GPU sees none",
        .on_softgpu = SoftgpuDifference{0, "KSM's own thread merges, no system call tells of it"},
        .misleads = "call is the time until KSM was done, not that of a system call",
        .proof = {.shown_by = "/proc/self/ksm_merging_pages"},
        .prepare = prepare_ksm,
        .perform = perform_ksm,
        .finish = finish_ksm},
    Perturbation{.name = "reclaim",
                 .summary = "reclaim of all that a cgroup holds, in which the memory is charged",
                 .scope = Scope::kRange,
                 .minimum_pages = 1,
                 .backings = ~bit(Backing::kHugetlb),
                 .backings_reason = "huge pages of hugetlbfs are never reclaimed",
                 .leaves_first = true,
                 .rebuilds = true,
                 .evictions_most = kAnyNumberOfEvictions,
                 .evictions_source =
                     "mm/rmap.c try_to_unmap_one, CLEAR, once a page: any number on a GPU; the "
                     "software GPU sees none",
                 .on_softgpu = SoftgpuDifference{0,
                                                 "reclaim by memory control is no system call "
                                                 "on the memory; the harness excuses the pages "
                                                 "that the kernel counts"},
                 .misleads = "everything else in the group is reclaimed as well",
                 .proof = {.shown_by = kSwappedOut},
                 .prepare = prepare_reclaim,
                 .perform = perform_reclaim,
                 .finish = finish_reclaim},
};

}  // namespace

std::span<const Perturbation> placement_perturbations() { return kRows; }

}  // namespace notifier
