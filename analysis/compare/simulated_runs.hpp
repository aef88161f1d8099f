// SPDX-License-Identifier: MIT
// Runs with known properties, for measuring the comparison itself.
#pragma once

#include <cstddef>
#include <cstdint>

#include "analysis/compare/run_set.hpp"

namespace notifier::analysis {

// One side. All noise is relative: standard deviations of logs.
struct SimulatedSide {
  std::size_t cases = 1;
  std::size_t boots = 1;
  std::size_t runs_per_boot = 10;
  std::size_t events = 200;
  double boot_noise = 0;
  double run_noise = 0.01;
  double event_noise = 0.1;
  double slow_mode_share = 0;  // of runs whose clock sits at a lower step
  double slow_mode_factor = 1.05;
  double run_spike_share = 0;    // of runs that are up to three times as slow
  double event_spike_share = 0;  // of events that take ten times as long
  double shift = 0;              // log ratio, for the first `shifted_cases` cases
  std::size_t shifted_cases = 0;
  bool keeps_events = true;  // false: only each run's median, which is all that the gate looks at
};

// Case names are "case000", ...; the metric is stall_ns. The label keeps recordings and boots of
// two sides apart; with an equal boot label both sides share boots.
RunSet simulate_runs(const SimulatedSide& side, std::uint64_t seed, const std::string& label,
                     const std::string& boot_label);

}  // namespace notifier::analysis
