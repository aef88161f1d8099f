// SPDX-License-Identifier: MIT
#include "bench/ending_cases.hpp"

#include <string>
#include <utility>

namespace notifier {
namespace {

/// Takes what one worker gave into `all`. False when there is nothing to go on with.
bool add_ending(const CaseRequest& request, RunOutcome one, RunOutcome& all) {
  if (one.result) {
    if (one.result->identity.status != analysis::Status::kOk) {
      all.result = std::move(one.result);  // it could not run here, and says why
    } else {
      all.failure = "the process did not end";
    }
    return false;
  }
  if (one.interrupted || !one.death_ns || one.phase != kEndingPhase) {
    all.failure = std::move(one.failure);
    all.interrupted = one.interrupted;
    all.worker_unkillable = one.worker_unkillable;
    return false;
  }
  analysis::SampleRow sample;
  sample.event = static_cast<std::int64_t>(all.samples.size());
  sample.kind = analysis::EventKind::kEvent;
  sample.case_name = request.wanted.name();
  sample.start_ns = one.phase_ns - request.recording_start_ns;
  sample[analysis::Metric::kSyscall] = static_cast<double>(*one.death_ns - one.phase_ns);
  all.samples.push_back(std::move(sample));
  return true;
}

}  // namespace

RunOutcome run_ending_case(const CaseRequest& request, const std::function<bool()>& stop) {
  RunOutcome all;
  CaseRequest each = request;
  each.events = 1;
  const WorkerProcess::Environment environment = WorkerProcess::environment_for(request.wanted);
  for (std::uint32_t event = 0; event < request.events; ++event) {
    const auto worker = WorkerProcess::start(environment);
    if (!worker->device()) {
      all.failure = "no device in a fresh worker: " + worker->no_device_reason();
      return all;
    }
    if (!add_ending(request, worker->run(each, stop), all)) return all;
  }
  const auto after = WorkerProcess::start(environment);
  if (!after->device()) {
    all.failure = "no device after the process had ended: " + after->no_device_reason();
    return all;
  }
  all.result.emplace();
  all.result->identity = describe_case(request);
  all.result->identity.touch = to_string(Touch::kFatal);
  all.result->events_done = static_cast<std::int64_t>(all.samples.size());
  return all;
}

}  // namespace notifier
