// SPDX-License-Identifier: MIT
// How long a case is going to take on the software GPU with two CPUs that nothing else uses.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/case_families.hpp"

namespace notifier {

/// Seconds of one run. From the durations of quiet recordings (README), within a factor of two for
/// most cases; a real GPU and a busy machine take their own.
double estimated_s(const Case& wanted, std::uint32_t events);
double estimated_s(const std::vector<SelectedCase>& cases);

/// Takes events away from the cases that have most until all of them fit into the time; no case is
/// left with fewer than `least_events`, unless it had fewer.
void fit_into(double budget_s, std::uint32_t least_events, std::vector<SelectedCase>& cases);

}  // namespace notifier
