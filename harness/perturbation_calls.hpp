// SPDX-License-Identifier: MIT
// The functions behind the rows of the perturbation table. All throw std::system_error when the
// call they make fails, so that a case whose operation did not happen never reports a number.
#pragma once

#include "harness/perturbation.hpp"

namespace notifier::perturbation_calls {

// perturbation_process.cpp
void perform_none(EventContext& event);
void perform_sham(EventContext& event);
void perform_fork_exit(EventContext& event);
void perform_fork_child_write(EventContext& event);
void perform_fork_parent_write(EventContext& event);
void perform_fork_child_hold(EventContext& event);
void perform_fork_workers(EventContext& event);
void perform_fork_exec(EventContext& event);
void perform_fork_storm(EventContext& event);
void perform_posix_spawn(EventContext& event);
void perform_vfork(EventContext& event);
void perform_clone_vm(EventContext& event);
void finish_children_exited(EventContext& event);
void finish_workers(EventContext& event);
void finish_child_write(EventContext& event);
void finish_child_hold(EventContext& event);
void prepare_unknown_buffer(EventContext& event);
void finish_unknown_buffer(EventContext& event);

// perturbation_neighbour.cpp
void prepare_neighbour(EventContext& event);
void perform_munmap_neighbour(EventContext& event);
void prepare_both_sides(EventContext& event);
void perform_munmap_both_sides(EventContext& event);
void perform_munmap_hammer(EventContext& event);
void prepare_nothing(EventContext& event);
void prepare_merge(EventContext& event);
void perform_merge(EventContext& event);
void finish_merge(EventContext& event);
void perform_neighbour_dontneed(EventContext& event);
void perform_neighbour_mprotect(EventContext& event);
void prepare_huge_neighbour(EventContext& event);
void perform_huge_split(EventContext& event);
void finish_neighbour(EventContext& event);

// perturbation_mapping.cpp
void perform_munmap_front(EventContext& event);
void perform_munmap_middle(EventContext& event);
void perform_munmap_end(EventContext& event);
void finish_munmap_part(EventContext& event);
void perform_map_fixed(EventContext& event);
void prepare_mremap(EventContext& event);
void perform_mremap_move(EventContext& event);
void finish_mremap_move(EventContext& event);
void perform_mremap_hammer(EventContext& event);
void finish_mremap_hammer(EventContext& event);
void perform_mremap_dontunmap(EventContext& event);
void finish_mremap_dontunmap(EventContext& event);
void prepare_protection(EventContext& event);
void perform_mprotect_ro_rw(EventContext& event);
void perform_mprotect_none_rw(EventContext& event);

// perturbation_pages.cpp
void perform_dontneed(EventContext& event);
void perform_free(EventContext& event);
void perform_punch_hole(EventContext& event);
void perform_cold(EventContext& event);
void empty_page_batches();
void prepare_pageout(EventContext& event);
void perform_pageout(EventContext& event);
void finish_pageout(EventContext& event);
void prepare_collapse(EventContext& event);
void perform_collapse(EventContext& event);
void finish_collapse(EventContext& event);
void perform_first_read(EventContext& event);
void perform_truncate(EventContext& event);
void prepare_compact(EventContext& event);
void perform_compact(EventContext& event);
void finish_compact(EventContext& event);

// perturbation_placement.cpp
void prepare_other_node(EventContext& event);
void perform_move_pages(EventContext& event);
void perform_mbind(EventContext& event);
void finish_mbind(EventContext& event);
void prepare_ksm(EventContext& event);
void perform_ksm(EventContext& event);
void finish_ksm(EventContext& event);
void prepare_reclaim(EventContext& event);
void perform_reclaim(EventContext& event);
void finish_reclaim(EventContext& event);

// perturbation_migration.cpp
void prepare_at_home(EventContext& event);
void prepare_on_device(EventContext& event);
void perform_prefetch_device(EventContext& event);
void perform_prefetch_host(EventContext& event);
void perform_cpu_touch(EventContext& event);
void finish_at_home(EventContext& event);

// perturbation_loading.cpp
void prepare_load(EventContext& event);
void perform_load_pinned(EventContext& event);
void perform_load_unpinned_first(EventContext& event);
void perform_load_staged(EventContext& event);
void perform_load_read(EventContext& event);
void finish_load(EventContext& event);

// perturbation_ending.cpp
void perform_exit_running(EventContext& event);
void perform_kill_running(EventContext& event);
void perform_exec_running(EventContext& event);

// perturbation_proofs.cpp: before and after the window, for a row's proof
void count_freed(EventContext& event);
bool freed(EventContext& event);
void activate_pages(EventContext& event);
bool deactivated(EventContext& event);
bool faulted(EventContext& event);
bool all_zero(EventContext& event);
void mark_mapping(EventContext& event);
bool mapping_replaced(EventContext& event);
bool neighbour_gone(EventContext& event);
bool neighbours_gone(EventContext& event);
bool neighbour_empty(EventContext& event);
bool collapsed(EventContext& event);

/// Throws std::system_error with errno and `what` when `failed`.
void throw_if(bool failed, const char* what);

}  // namespace notifier::perturbation_calls
