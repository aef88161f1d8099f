// SPDX-License-Identifier: MIT
// What observing costs: one case with everything, and with one part of the observation left out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/case_run.hpp"

namespace notifier {

/// In the order in which the table shows them.
inline constexpr std::array kObservationVariants = {Observation::kNothing,
                                                    Observation::kDriverEvents,
                                                    Observation::kGapRing, Observation::kIntegrity};

/// One run of the case.
struct ObservedRun {
  std::uint32_t round = 0;
  Observation without = Observation::kNothing;  // what was left out
  double iteration_ns = 0;                      // of the undisturbed workload
  std::optional<double> syscall_ns;             // medians over the events
  std::optional<double> stall_ns;
};

struct ObserverCost {
  Observation without = Observation::kNothing;
  std::size_t rounds = 0;
  // Medians over the rounds of "with everything / without this"; 1 is no cost.
  std::optional<double> iteration;
  std::optional<double> syscall;
  std::optional<double> stall;
};

/// Runs of one round are compared with each other, since a machine drifts between rounds.
std::vector<ObserverCost> observer_costs(std::span<const ObservedRun> runs);

/// With everything the workload may be slower, and the call longer, by this.
inline constexpr double kIterationCostGoal = 1.10;
inline constexpr double kSyscallCostGoal = 1.05;

/// Table with the goals and whether they are reached, for docs/measurement.md.
std::string observer_cost_markdown(std::span<const ObserverCost> costs);

/// Runs `request` in rounds, each variant in a fresh worker, in a seeded order. An empty result has
/// a reason in `failure`.
std::vector<ObservedRun> measure_observer_cost(CaseRequest request, std::uint32_t rounds,
                                               std::uint64_t seed, std::string& failure);

}  // namespace notifier
