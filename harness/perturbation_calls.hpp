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
void perform_fork_child_hold(EventContext& event);
void perform_posix_spawn(EventContext& event);
void perform_vfork(EventContext& event);
void finish_child_exited(EventContext& event);
void finish_child_write(EventContext& event);
void finish_child_hold(EventContext& event);

// perturbation_range.cpp
void prepare_neighbour(EventContext& event);
void perform_munmap_neighbour(EventContext& event);
void perform_map_fixed(EventContext& event);
void perform_dontneed(EventContext& event);
void prepare_collapse(EventContext& event);
void perform_collapse(EventContext& event);
void finish_collapse(EventContext& event);
void prepare_mremap(EventContext& event);
void perform_mremap_move(EventContext& event);
void finish_mremap_move(EventContext& event);
void prepare_mprotect_ro_rw(EventContext& event);
void perform_mprotect_ro_rw(EventContext& event);

/// Throws std::system_error with errno and `what` when `failed`.
void throw_if(bool failed, const char* what);

}  // namespace notifier::perturbation_calls
