// SPDX-License-Identifier: MIT
#include "bench/observer_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <random>

#include "analysis/statistics.hpp"
#include "bench/suite.hpp"
#include "harness/worker.hpp"

namespace notifier {
namespace {

using analysis::Metric;

constexpr std::array kVariants = {Observation::kNothing, Observation::kDriverEvents,
                                  Observation::kGapRing, Observation::kIntegrity};

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

std::optional<double> median_of(const std::vector<analysis::SampleRow>& samples, Metric metric) {
  std::vector<double> values;
  for (const analysis::SampleRow& sample : samples) {
    if (sample.kind == analysis::EventKind::kEvent && sample[metric]) {
      values.push_back(*sample[metric]);
    }
  }
  return analysis::median(values);
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

}  // namespace

std::vector<ObserverCost> observer_costs(std::span<const ObservedRun> runs) {
  std::vector<ObserverCost> costs;
  for (const Observation part : kVariants) {
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

std::string describe(std::span<const ObserverCost> costs) {
  std::string text = fmt::format("{:<34} {:>7} {:>12} {:>10} {:>10}\n", "with everything / without",
                                 "rounds", "iteration", "call", "stall");
  for (const ObserverCost& cost : costs) {
    fmt::format_to(std::back_inserter(text), "{:<34} {:>7} {:>12} {:>10} {:>10}\n",
                   describe(cost.without), cost.rounds, cell(cost.iteration), cell(cost.syscall),
                   cell(cost.stall));
  }
  return text +
         "Goals: iteration at most 1.10, call at most 1.05. The waves' own comparisons are "
         "part of the workload and never left out.\n";
}

std::vector<ObservedRun> measure_observer_cost(CaseRequest request, std::uint32_t rounds,
                                               std::uint64_t seed, std::string& failure) {
  std::vector<ObservedRun> runs;
  std::array order = kVariants;
  for (std::uint32_t round = 0; round < rounds && !stop_requested(); ++round) {
    std::shuffle(order.begin(), order.end(), std::mt19937_64(seed + round));
    for (const Observation without : order) {
      request.without = without;
      WorkerProcess::Environment environment = WorkerProcess::environment_for(request.wanted);
      if (without == Observation::kDriverEvents) {
        environment.emplace(kNoDriverEventsVariable, "yes");
      }
      const auto worker = WorkerProcess::start(environment);
      const RunOutcome outcome =
          worker->device() ? worker->run(request, stop_requested) : RunOutcome{};
      if (!outcome.result || outcome.result->identity.status != analysis::Status::kOk) {
        failure = outcome.result ? outcome.result->identity.reason : outcome.failure;
        return {};
      }
      ObservedRun run;
      run.round = round;
      run.without = without;
      for (const analysis::RunValue& value : outcome.result->run_values) {
        if (value.metric == Metric::kIteration) run.iteration_ns = value.value;
      }
      run.syscall_ns = median_of(outcome.samples, Metric::kSyscall);
      run.stall_ns = median_of(outcome.samples, Metric::kStall);
      runs.push_back(run);
    }
  }
  return runs;
}

}  // namespace notifier
