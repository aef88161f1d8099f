// SPDX-License-Identifier: MIT
// One event as spans and instants on tracks, for a trace viewer. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "harness/decomposition.hpp"

namespace notifier {

/// What a sample does not hold and a trace shows.
struct EventTraceContext {
  std::string perturbation;
  std::int64_t origin_ns = 0;          // CLOCK_MONOTONIC_RAW that becomes 0
  std::optional<double> child_end_ns;  // raw clock: when a forked child had been waited for
};

/// {"run", "event", "stall_ns", "spans": [{track, name, begin_ns, end_ns, arguments}], "instants":
/// [{track, name, time_ns, arguments}]}. Tracks are "caller", "supervisor", "restore worker",
/// "child", "wave N" and, with --kprobes, "kernel thread N". Times are ns since the origin.
nlohmann::json trace_event(const EventObservation& observation,
                           const std::optional<EventTimeline>& timeline,
                           const analysis::SampleRow& sample, const EventTraceContext& context);

}  // namespace notifier
