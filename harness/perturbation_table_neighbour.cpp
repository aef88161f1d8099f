// SPDX-License-Identifier: MIT
// What happens beside the workload's memory: a device need not hear of any of it. One row each.
#include <array>

#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_rows.hpp"

namespace notifier {
namespace {

constexpr std::string_view kOutsideSource =
    "outside the interval notifier's range (kfd_facts §1): an eviction is a finding";
constexpr std::string_view kNeighbourGone = "/proc/self/smaps, without the neighbour";
constexpr unsigned kPlainAnonymous = bit(Backing::kAnon);

using namespace perturbation_calls;

constexpr std::array kRows{
    Perturbation{
        .name = "munmap_neighbour",
        .summary = "munmap of a populated mapping right behind the workload's memory",
        .scope = Scope::kNeighbour,
        .evictions_source = kOutsideSource,
        .misleads = "call shows what the notifier's interval lookup costs, not an eviction",
        .proof = {.shown_by = kNeighbourGone, .after = neighbour_gone},
        .prepare = prepare_neighbour,
        .perform = perform_munmap_neighbour},
    Perturbation{
        .name = "munmap_both_sides",
        .summary = "munmap of populated mappings right before and right behind the memory",
        .scope = Scope::kNeighbour,
        .evictions_source = kOutsideSource,
        .misleads = "as munmap_neighbour; call is the time of both calls",
        .proof = {.shown_by = "/proc/self/smaps, without the neighbours", .after = neighbours_gone},
        .prepare = prepare_both_sides,
        .perform = perform_munmap_both_sides},
    Perturbation{.name = "munmap_hammer",
                 .summary = "64 times mmap, touch and munmap right behind the workload's memory",
                 .scope = Scope::kNeighbour,
                 .evictions_source = kOutsideSource,
                 .misleads = "call is the time of all 64 rounds",
                 .proof = {.shown_by = kNeighbourGone, .after = neighbour_gone},
                 .prepare = prepare_neighbour,
                 .perform = perform_munmap_hammer},
    Perturbation{.name = "munmap_nothing",
                 .summary = "munmap of addresses behind the memory where nothing is mapped",
                 .scope = Scope::kNeighbour,
                 .evictions_source = kOutsideSource,
                 .misleads = "the kernel returns before any notifier is asked",
                 .proof = {.impossible = "nothing is mapped there that could go"},
                 .prepare = prepare_nothing,
                 .perform = perform_munmap_neighbour},
    Perturbation{
        .name = "neighbour_merge",
        .summary = "mmap right behind the memory, which the kernel merges into its mapping",
        .scope = Scope::kNeighbour,
        .backings = kPlainAnonymous,
        .backings_reason = "the kernel merges plain anonymous mappings only",
        .evictions_source = kOutsideSource,
        .misleads = "the kernel may merge in other ways on other versions; the case then says so",
        .proof = {.shown_by = "/proc/self/smaps: one mapping over both"},
        .prepare = prepare_merge,
        .perform = perform_merge,
        .finish = finish_merge},
    Perturbation{.name = "neighbour_dontneed",
                 .summary = "madvise(MADV_DONTNEED) on a populated mapping right behind the memory",
                 .scope = Scope::kNeighbour,
                 .evictions_source = kOutsideSource,
                 .misleads = "as munmap_neighbour",
                 .proof = {.shown_by = "mincore, which finds no page of the neighbour",
                           .after = neighbour_empty},
                 .prepare = prepare_neighbour,
                 .perform = perform_neighbour_dontneed,
                 .finish = finish_neighbour},
    Perturbation{.name = "neighbour_mprotect",
                 .summary = "mprotect to read-only and back on a mapping right behind the memory",
                 .scope = Scope::kNeighbour,
                 .evictions_source = kOutsideSource,
                 .misleads = "as munmap_neighbour; call is the time of both calls",
                 .proof = {.impossible = kRightsAreBack},
                 .prepare = prepare_neighbour,
                 .perform = perform_neighbour_mprotect,
                 .finish = finish_neighbour},
    Perturbation{
        .name = "neighbour_huge_split",
        .summary = "splits a huge page right behind the memory (MADV_DONTNEED of half of it)",
        .scope = Scope::kNeighbour,
        .evictions_source = kOutsideSource,
        .misleads = "needs a free huge page: on a fragmented machine it is skipped",
        .proof = {.shown_by = "AnonHugePages in /proc/self/smaps: the huge page is gone"},
        .prepare = prepare_huge_neighbour,
        .perform = perform_huge_split,
        .finish = finish_neighbour},
};

}  // namespace

std::span<const Perturbation> neighbour_perturbations() { return kRows; }

}  // namespace notifier
