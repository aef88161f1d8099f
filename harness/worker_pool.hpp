// SPDX-License-Identifier: MIT
// The workers of a run: one for each environment, so that each XNACK mode has its own process
// (kfd_facts §7), started when it is first needed and started anew after one was lost.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/worker_process.hpp"

namespace notifier {

class WorkerPool {
 public:
  /// Takes over a worker that was started with this environment.
  void adopt(const WorkerProcess::Environment& environment, std::unique_ptr<WorkerProcess> worker) {
    workers_[environment] = std::move(worker);
  }

  /// Asks the worker of this environment for a case (WorkerProcess::run_case_of). A worker that is
  /// lost, or that reports a failed case, is ended; one that cannot be killed is left alone.
  RunOutcome run(const WorkerProcess::Environment& environment, const nlohmann::json& request,
                 std::chrono::milliseconds patience, const std::function<bool()>& stop);

  /// Ends them all.
  void clear() { workers_.clear(); }

 private:
  std::map<WorkerProcess::Environment, std::unique_ptr<WorkerProcess>> workers_;
};

}  // namespace notifier
