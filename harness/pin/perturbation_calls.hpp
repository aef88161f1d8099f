// SPDX-License-Identifier: MIT
// The functions behind the rows of the perturbation table. They throw std::system_error when their
// call fails: a case whose perturbation did not happen must not have an outcome.
#pragma once

#include <string>

#include "harness/pin/clock.hpp"
#include "harness/pin/perturbation.hpp"

namespace notifier::pin::perturbation_calls {

// perturbation_fork.cpp
void fork_and_hold(Event& event);
void fork_and_wait(Event& event);
void fork_and_unmap(Event& event);
void fork_and_protect(Event& event);
void unmap_after_fork(Event& event);
void advise_dontfork(Event& event);
void advise_wipeonfork(Event& event);

// perturbation_range.cpp
void do_nothing(Event& event);
void dontneed(Event& event);
void map_fixed(Event& event);
void munmap_mmap(Event& event);
void unmap(Event& event);
void mremap_move(Event& event);
void mremap_dontunmap(Event& event);
void protect_ro(Event& event);
void protect_none(Event& event);
void protect_ro_rw(Event& event);
void protect_and_clear(Event& event);
void unprotect(Event& event);

// perturbation_move.cpp
std::string why_no_second_node();
std::string why_no_compaction();
std::string why_no_collapse();
std::string why_no_ksm();
std::string why_no_pageout();
void move_pages(Event& event);
void compact(Event& event);
void collapse(Event& event);
void merge(Event& event);
void page_out(Event& event);

/// Stores how long `call` took.
template <typename Call>
void timed(Event& event, Call&& call) {
  const std::int64_t enter_ns = raw_clock_ns();
  call();
  event.call_ns = static_cast<double>(raw_clock_ns() - enter_ns);
}

}  // namespace notifier::pin::perturbation_calls
