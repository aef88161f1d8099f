// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "analysis/statistics.hpp"
#include "bench/observer_cost.hpp"

namespace notifier {
namespace {

const char* describe(Observation part) {
  switch (part) {
    case Observation::kNothing:
      return "nothing";
    case Observation::kDriverEvents:
      return "driver-event listener";
    case Observation::kGapRing:
      return "gap ring";
    case Observation::kIntegrity:
      return "integrity scans by CPU and child";
  }
  return "";
}

const ObservedRun* find_run(std::span<const ObservedRun> runs, std::uint32_t round,
                            Observation without) {
  for (const ObservedRun& run : runs) {
    if (run.round == round && run.without == without) return &run;
  }
  return nullptr;
}

void add_ratio(std::optional<double> with, std::optional<double> without,
               std::vector<double>& ratios) {
  if (with && without && *without > 0) ratios.push_back(*with / *without);
}

std::string cell(const std::optional<double>& ratio) {
  return ratio ? fmt::format("{:.3f}", *ratio) : "-";
}

bool reached(const std::optional<double>& ratio, double goal) { return ratio && *ratio <= goal; }

}  // namespace

std::vector<ObserverCost> observer_costs(std::span<const ObservedRun> runs) {
  std::vector<ObserverCost> costs;
  for (const Observation part : kObservationVariants) {
    if (part == Observation::kNothing) continue;
    ObserverCost cost;
    cost.without = part;
    std::vector<double> iteration;
    std::vector<double> syscall;
    std::vector<double> stall;
    for (const ObservedRun& run : runs) {
      const ObservedRun* full = find_run(runs, run.round, Observation::kNothing);
      if (run.without != part || full == nullptr) continue;
      ++cost.rounds;
      add_ratio(full->iteration_ns, run.iteration_ns, iteration);
      add_ratio(full->syscall_ns, run.syscall_ns, syscall);
      add_ratio(full->stall_ns, run.stall_ns, stall);
    }
    cost.iteration = analysis::median(iteration);
    cost.syscall = analysis::median(syscall);
    cost.stall = analysis::median(stall);
    if (cost.rounds > 0) costs.push_back(cost);
  }
  return costs;
}

std::string observer_cost_markdown(std::span<const ObserverCost> costs) {
  std::string text =
      "| left out | rounds | iteration | call | stall | within the goals |\n"
      "|---|---|---|---|---|---|\n";
  for (const ObserverCost& cost : costs) {
    const bool good =
        reached(cost.iteration, kIterationCostGoal) && reached(cost.syscall, kSyscallCostGoal);
    fmt::format_to(std::back_inserter(text), "| {} | {} | {} | {} | {} | {} |\n",
                   describe(cost.without), cost.rounds, cell(cost.iteration), cell(cost.syscall),
                   cell(cost.stall), good ? "yes" : "no");
  }
  return text + fmt::format(
                    "\nWith everything / without it, medians over the rounds; 1 is no cost. Goals: "
                    "iteration at most {:.2f}, call at most {:.2f}.\n",
                    kIterationCostGoal, kSyscallCostGoal);
}

}  // namespace notifier
