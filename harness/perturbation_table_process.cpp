// SPDX-License-Identifier: MIT
// What happens to the whole process, and the two rows that everything is measured against. One row
// each.
#include <array>

#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_rows.hpp"

namespace notifier {
namespace {

constexpr std::string_view kForkSource =
    "mm/memory.c copy_page_range, PROTECTION_PAGE (kfd_facts §1)";
constexpr std::string_view kChildren = "each child, which waitpid finds ended with 0";
constexpr std::string_view kSharedMapSource =
    "CLONE_VM: no page table is copied (kernel/fork.c copy_mm)";

using namespace perturbation_calls;

constexpr std::array kRows{
    Perturbation{
        .name = "none",
        .summary = "nothing happens: the unperturbed loop over a window of its own",
        .evictions_source = "no call is made",
        .misleads = "a window without a call has no begin: its stalls are those of the machine",
        .proof = {.impossible = "nothing is done"},
        .perform = perform_none},
    Perturbation{.name = "sham",
                 .summary = "getpid() in place of a memory operation: the false-stall floor",
                 .evictions_source = "getpid touches no memory map",
                 .misleads = "its stalls are the floor of all others in the same run, not zero",
                 .proof = {.impossible = "nothing is done to memory"},
                 .perform = perform_sham},

    Perturbation{.name = "fork_exit",
                 .summary = "fork(); the child ends at once",
                 .scope = Scope::kProcess,
                 .evictions = 1,
                 .evictions_source = kForkSource,
                 .misleads =
                     "a child that ends before the restore looks at the pages spares it the "
                     "copies: the stall has two sizes",
                 .proof = {.shown_by = kChildren},
                 .perform = perform_fork_exit,
                 .finish = finish_children_exited},
    Perturbation{.name = "fork_child_write",
                 .summary = "fork(); the child writes every page of its copy and ends",
                 .scope = Scope::kProcess,
                 .evictions = 1,
                 .evictions_source = kForkSource,
                 .misleads = "who copies a page, child or restore, is a race; the sum is the same",
                 .proof = {.shown_by = kChildren},
                 .perform = perform_fork_child_write,
                 .finish = finish_child_write},
    Perturbation{
        .name = "fork_parent_write",
        .summary = "fork() with the child held; the parent's CPU writes every page first",
        .scope = Scope::kProcess,
        .evictions = 1,
        .evictions_most = kAnyNumberOfEvictions,
        .evictions_source = "as fork_exit; each copy on write notifies as well (mm/memory.c "
                            "wp_page_copy, CLEAR), nested as long as the queues stand",
        .on_softgpu = SoftgpuDifference{1,
                                        "copies on write make no system call: it hears of the "
                                        "fork only"},
        .misleads = "the software GPU learns of calls, not of the CPU's page faults: there it "
                    "is one eviction",
        .proof = {.shown_by = kChildren},
        .perform = perform_fork_parent_write,
        .finish = finish_child_hold},
    Perturbation{.name = "fork_child_hold",
                 .summary = "fork(); the child lives and keeps its copy until the window is over",
                 .scope = Scope::kProcess,
                 .evictions = 1,
                 .evictions_source = kForkSource,
                 .misleads =
                     "restore writes to every page and so copies all of it: the stall is mostly "
                     "that of copying",
                 .proof = {.shown_by = kChildren},
                 .perform = perform_fork_child_hold,
                 .finish = finish_child_hold},
    Perturbation{.name = "fork_exec",
                 .summary = "fork(); the child becomes /bin/true",
                 .scope = Scope::kProcess,
                 .evictions = 1,
                 .evictions_source = kForkSource,
                 .misleads = "exec drops the child's copy while the restore may still be at work",
                 .proof = {.shown_by = kChildren},
                 .perform = perform_fork_exec,
                 .finish = finish_children_exited},
    Perturbation{.name = "fork_storm",
                 .summary = "eight forks in a row; the children end at once",
                 .scope = Scope::kProcess,
                 .evictions = 1,
                 .evictions_most = static_cast<int>(kMostChildren),
                 .evictions_source = "as fork_exit; forks within the restore delay fall together "
                                     "(kfd_facts §0.4)",
                 .misleads = "call is the time of all eight forks",
                 .proof = {.shown_by = kChildren},
                 .perform = perform_fork_storm,
                 .finish = finish_children_exited},
    Perturbation{.name = "fork_workers",
                 .summary = "four forks in a row; the children live until the window is over",
                 .scope = Scope::kProcess,
                 .evictions = 1,
                 .evictions_most = 4,
                 .evictions_source = "as fork_exit; forks within the restore delay fall together "
                                     "(kfd_facts §0.4)",
                 .misleads = "call is the time of all four forks; the copy on write is paid once, "
                             "however many children share the old page",
                 .proof = {.shown_by = kChildren},
                 .perform = perform_fork_workers,
                 .finish = finish_workers},
    Perturbation{
        .name = "fork_unknown_buffer",
        .summary = "fork() that copies a buffer of the same size that the device does not know",
        .scope = Scope::kProcess,
        .needs_dontfork = true,
        .evictions_source = "the memory that the device knows is not copied (DONTFORK)",
        .misleads = "the control for fork: what copying the page tables costs by itself",
        .proof = {.shown_by = kChildren},
        .prepare = prepare_unknown_buffer,
        .perform = perform_fork_exit,
        .finish = finish_unknown_buffer},
    Perturbation{.name = "posix_spawn",
                 .summary = "posix_spawn(/bin/true): a child without a copy of the address space",
                 .scope = Scope::kProcess,
                 .evictions_source = kSharedMapSource,
                 .misleads = "call contains starting the child up to its exec",
                 .proof = {.shown_by = kChildren},
                 .perform = perform_posix_spawn,
                 .finish = finish_children_exited},
    Perturbation{.name = "vfork",
                 .summary = "vfork(); the child ends at once",
                 .scope = Scope::kProcess,
                 .evictions_source = kSharedMapSource,
                 .misleads = "call contains the child's whole life, since the parent waits for it",
                 .proof = {.shown_by = kChildren},
                 .perform = perform_vfork,
                 .finish = finish_children_exited},
    Perturbation{.name = "clone_vm",
                 .summary = "clone(CLONE_VM): a process on the same memory that ends at once",
                 .scope = Scope::kProcess,
                 .evictions_source = kSharedMapSource,
                 .misleads = "the child dirties nothing; a thread library would do more",
                 .proof = {.shown_by = kChildren},
                 .perform = perform_clone_vm,
                 .finish = finish_children_exited},
};

}  // namespace

std::span<const Perturbation> process_perturbations() { return kRows; }

}  // namespace notifier
