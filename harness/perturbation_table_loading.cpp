// SPDX-License-Identifier: MIT
// What a program does beside its kernels that copies files to the device, in four ways. One row
// each. They call HIP functions that wait for the device's work, so that work has to be finite.
#include <array>

#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_rows.hpp"

namespace notifier {
namespace {

constexpr std::string_view kNothingRegistered =
    "nothing that the device knows loses its mapping: an eviction is a finding";

constexpr std::string_view kArrived = "the files' content, compared on the device";

using namespace perturbation_calls;

constexpr std::array kRows{
    Perturbation{
        .name = "load_pinned",
        .summary = "four threads copy mapped files to the device, pinned in place slice by "
                   "slice, and drop the mappings before the pins",
        .scope = Scope::kNeighbour,
        .waits_for_work = true,
        .evictions = 1,
        .evictions_most = 4,
        .evictions_source =
            "munmap of a userptr BO, UNMAP (kfd_facts §0.9), one of each file; those that "
            "fall into one stop are one. An SVM range is unmapped without (§0.8)",
        .misleads = "call is the time of the whole load; on the software GPU each copy and "
                    "each unpinning waits for the job that runs",
        .proof = {.shown_by = kArrived},
        .prepare = prepare_load,
        .perform = perform_load_pinned,
        .finish = finish_load},
    Perturbation{.name = "load_unpinned_first",
                 .summary = "as load_pinned, with every pin given back before its mapping goes",
                 .scope = Scope::kNeighbour,
                 .waits_for_work = true,
                 .evictions_source = kNothingRegistered,
                 .misleads = "as load_pinned; a runtime that keeps its pins in a cache does not do "
                             "this (kfd_facts §0.3)",
                 .proof = {.shown_by = kArrived},
                 .prepare = prepare_load,
                 .perform = perform_load_unpinned_first,
                 .finish = finish_load},
    Perturbation{.name = "load_staged",
                 .summary = "as load_pinned, through one pinned buffer of each thread: the mapped "
                            "files are never known to the device",
                 .scope = Scope::kNeighbour,
                 .waits_for_work = true,
                 .evictions_source = kNothingRegistered,
                 .misleads = "as load_pinned; the CPU copies every byte once more",
                 .proof = {.shown_by = kArrived},
                 .prepare = prepare_load,
                 .perform = perform_load_staged,
                 .finish = finish_load},
    Perturbation{.name = "load_read",
                 .summary = "as load_staged, with pread in place of the mappings",
                 .scope = Scope::kNeighbour,
                 .waits_for_work = true,
                 .evictions_source = kNothingRegistered,
                 .misleads = "as load_staged",
                 .proof = {.shown_by = kArrived},
                 .prepare = prepare_load,
                 .perform = perform_load_read,
                 .finish = finish_load},
};

}  // namespace

std::span<const Perturbation> loading_perturbations() { return kRows; }

}  // namespace notifier
