// SPDX-License-Identifier: MIT
// What it costs to be woken by another CPU, which is a part of every wait.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/speed_events.hpp"

namespace notifier {

/// A futex wait of the calling thread, its CPU otherwise idle, for times that are spread evenly
/// from 0 to most_wait_ns, as the waits of time_job_waits() are. An event lasts from the moment at
/// which a thread on another CPU begins to wake it until it runs.
std::vector<TimedEvent> time_wakes(std::uint64_t most_wait_ns, std::uint64_t seed,
                                   const SpeedBudget& budget);

}  // namespace notifier
