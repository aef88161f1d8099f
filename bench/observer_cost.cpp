// SPDX-License-Identifier: MIT
#include "bench/observer_cost.hpp"

#include <algorithm>
#include <random>

#include "analysis/statistics.hpp"
#include "bench/suite.hpp"
#include "harness/worker.hpp"

namespace notifier {
namespace {

using analysis::Metric;

std::optional<double> median_of(const std::vector<analysis::SampleRow>& samples, Metric metric) {
  std::vector<double> values;
  for (const analysis::SampleRow& sample : samples) {
    if (sample.kind == analysis::EventKind::kEvent && sample[metric]) {
      values.push_back(*sample[metric]);
    }
  }
  return analysis::median(values);
}

}  // namespace

std::vector<ObservedRun> measure_observer_cost(CaseRequest request, std::uint32_t rounds,
                                               std::uint64_t seed, std::string& failure) {
  std::vector<ObservedRun> runs;
  std::array order = kObservationVariants;
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
