// SPDX-License-Identifier: MIT
// What the kernel does with pages by itself or by request, content unchanged. One row each.
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

using namespace perturbation_calls;

constexpr std::array kRows{
    Perturbation{.name = "move_pages",
                 .summary = "move_pages() of every page to another NUMA node",
                 .scope = Scope::kRange,
                 .minimum_pages = 1,
                 .evictions = 1,
                 .evictions_most = 1'000,
                 .evictions_source = kMigrationSource,
                 .misleads = "the call copies the pages; each event moves them the other way",
                 .prepare = prepare_other_node,
                 .perform = perform_move_pages},
    Perturbation{.name = "mbind",
                 .summary = "mbind(MPOL_MF_MOVE): a policy for the memory, which moves its pages",
                 .scope = Scope::kRange,
                 .minimum_pages = 1,
                 .evictions = 1,
                 .evictions_most = 1'000,
                 .evictions_source = kMigrationSource,
                 .misleads = "as move_pages; pages that others share stay",
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
        .evictions_source =
            "mm/ksm.c write_protect_page and replace_page, CLEAR for each page: any number "
            "on a GPU, whose restores undo the merging; the software GPU sees none",
        .misleads = "call is the time until KSM was done, not that of a system call",
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
                 .evictions_source =
                     "mm/rmap.c try_to_unmap_one, CLEAR, once a page: any number on a GPU; the "
                     "software GPU sees none",
                 .misleads = "everything else in the group is reclaimed as well",
                 .prepare = prepare_reclaim,
                 .perform = perform_reclaim,
                 .finish = finish_reclaim},
};

}  // namespace

std::span<const Perturbation> placement_perturbations() { return kRows; }

}  // namespace notifier
