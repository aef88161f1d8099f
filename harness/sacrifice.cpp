// SPDX-License-Identifier: MIT
#include "harness/sacrifice.hpp"

#include <algorithm>
#include <utility>

namespace notifier {
namespace {

RunOutcome run_one(const CaseRequest& request, const std::function<bool()>& stop) {
  const std::unique_ptr<WorkerProcess> worker =
      WorkerProcess::start(WorkerProcess::environment_for(request.wanted));
  if (worker->device()) return worker->run(request, stop);
  RunOutcome outcome;
  outcome.failure = "no device in a fresh worker: " + worker->no_device_reason();
  return outcome;
}

/// An event that had no fault makes the whole "mixed".
void merge_outcome(const std::string& before, std::string& now) {
  if (!before.empty() && before != now) now = "mixed";
}

}  // namespace

RunOutcome run_sacrificial(const CaseRequest& request, const std::function<bool()>& stop,
                           const std::function<std::optional<std::string>()>& check) {
  RunOutcome all;
  CaseRequest one_event = request;
  one_event.sacrifice = true;
  one_event.events = 1;
  const std::uint32_t events = std::min(request.events, kMostSacrifices);
  std::string outcome_so_far;
  for (std::uint32_t event = 0; event < events; ++event) {
    RunOutcome one = run_one(one_event, stop);
    for (analysis::SampleRow& sample : one.samples) {
      sample.event = event;
      all.samples.push_back(std::move(sample));
    }
    all.interrupted = one.interrupted;
    all.worker_unkillable = one.worker_unkillable;
    all.failure = one.failure;
    all.result = std::move(one.result);
    if (!all.result) return all;
    merge_outcome(outcome_so_far, all.result->identity.outcome);
    outcome_so_far = all.result->identity.outcome;
    all.result->events_done = event + 1;
    const bool skipped = all.result->identity.status == analysis::Status::kSkipped;
    if (skipped || check()) return all;
  }
  return all;
}

}  // namespace notifier
