// SPDX-License-Identifier: MIT
// The parent's view of a worker: start, ask, watch, end.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/case_run.hpp"
#include "harness/message_channel.hpp"
#include "harness/meter.hpp"
#include "harness/storm.hpp"
#include "harness/worker_protocol.hpp"
#include "harness/worker_spawn.hpp"

namespace notifier {

/// How one run of a case ended, seen from the parent.
struct RunOutcome {
  std::optional<CaseResult> result;          // empty when the worker did not finish
  std::vector<analysis::SampleRow> samples;  // those that arrived, also when it did not
  std::string failure;                       // why it did not finish; empty otherwise
  bool interrupted = false;                  // the user asked to stop
  bool worker_lost = false;                  // this worker cannot be used again
  std::string phase;                         // the last one that the worker told of,
  std::int64_t phase_ns = 0;                 // and when it did, CLOCK_MONOTONIC_RAW
  std::optional<std::int64_t> death_ns;      // when its parent knew that it had ended
  bool worker_unkillable = false;            // it hangs in the kernel: nothing may follow
};

/// Puts into the row of a run that gave no result why that is: failed, or interrupted.
void put_missing_result(const RunOutcome& outcome, analysis::SummaryRow& row);

class WorkerProcess {
 public:
  using Environment = std::map<std::string, std::string>;

  /// What the worker of this case is started with: its XNACK mode, whatever ours may be; or to
  /// leave the device alone.
  static Environment environment_for(const Case& wanted);
  /// What a worker of a case with bystanders is started with besides: a process beside it, a second
  /// device where the software GPU is to be one.
  static Environment environment_of(const BystanderSet& bystanders);

  /// Starts this program again as a worker, with `environment` on top of ours, and waits until it
  /// has found its device. Throws std::system_error when no process can be started.
  static std::unique_ptr<WorkerProcess> start(const Environment& environment);
  /// Ends the worker if it lives.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  /// Empty when the worker found no device; then no_device_reason() says why.
  const std::optional<DeviceInfo>& device() const { return device_; }
  const std::string& no_device_reason() const { return no_device_reason_; }

  /// Injects known holds into a short run and returns what the stall meter read. Empty `points`
  /// come with a reason in `failure`.
  struct MeterOutcome {
    std::vector<MeterPoint> points;
    std::vector<std::string> refusals;  // ways to hold that were left out, and why
    std::string failure;
  };
  MeterOutcome measure_meter(const CaseRequest& request, bool long_form,
                             const std::function<bool()>& stop);

  /// Goes through the rates of a storm (storm.hpp).
  struct StormOutcome {
    std::vector<StormPoint> points;
    std::string failure;
  };
  StormOutcome storm(const CaseRequest& request, double seconds, const std::function<bool()>& stop);

  /// Runs one case. `stop` is polled several times a second; when it says so the worker is ended.
  RunOutcome run(const CaseRequest& request, const std::function<bool()>& stop);
  /// The same for a request of any task that answers with samples and a CaseResult.
  RunOutcome run_case_of(const nlohmann::json& request, std::chrono::milliseconds patience,
                         const std::function<bool()>& stop);

  pid_t pid() const { return pid_; }

 private:
  explicit WorkerProcess(SpawnedWorker spawned)
      : channel_(std::move(spawned.socket)),
        pid_(spawned.pid),
        bystander_pid_(spawned.bystander_pid) {}
  void await_greeting();
  /// Sends `request` and gives each answer to `take` until it says that the last one has come.
  void exchange(const nlohmann::json& request, std::chrono::milliseconds patience,
                const std::function<bool()>& stop,
                const std::function<bool(const nlohmann::json&)>& take, RunOutcome& outcome);
  std::string describe_death();

  MessageChannel channel_;
  pid_t pid_;
  pid_t bystander_pid_;  // 0: none
  int wait_status_ = 0;
  bool reaped_ = false;
  std::optional<DeviceInfo> device_;
  std::string no_device_reason_;
};

}  // namespace notifier
