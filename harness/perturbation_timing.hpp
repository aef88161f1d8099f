// SPDX-License-Identifier: MIT
#pragma once

#include <sys/resource.h>

#include "harness/clock_reader.hpp"
#include "harness/perturbation.hpp"

namespace notifier::perturbation_calls {

inline std::uint64_t involuntary_switches_of_thread() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_nivcsw);
}

/// Runs `call` between the two stamps of the event and counts the caller's involuntary switches.
template <typename Call>
void timed(EventContext& event, Call&& call) {
  const std::uint64_t switches_before = involuntary_switches_of_thread();
  event.enter_ns = monotonic_raw_ns();
  call();
  event.leave_ns = monotonic_raw_ns();
  event.involuntary_switches = involuntary_switches_of_thread() - switches_before;
}

}  // namespace notifier::perturbation_calls
