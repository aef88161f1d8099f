// SPDX-License-Identifier: MIT
#include "harness/worker_pool.hpp"

namespace notifier {

RunOutcome WorkerPool::run(const WorkerProcess::Environment& environment,
                           const nlohmann::json& request, std::chrono::milliseconds patience,
                           const std::function<bool()>& stop) {
  std::unique_ptr<WorkerProcess>& worker = workers_[environment];
  if (worker == nullptr) worker = WorkerProcess::start(environment);
  RunOutcome outcome;
  if (worker->device()) {
    outcome = worker->run_case_of(request, patience, stop);
  } else {
    outcome.failure = "no device in a fresh worker: " + worker->no_device_reason();
    outcome.worker_lost = true;
  }
  // What a failed case leaves on the device may be anything.
  const bool failed =
      outcome.result && outcome.result->identity.status == analysis::Status::kFailed;
  if ((outcome.worker_lost || failed) && !outcome.worker_unkillable) worker.reset();
  return outcome;
}

}  // namespace notifier
