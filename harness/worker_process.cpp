// SPDX-License-Identifier: MIT
#include "harness/worker_process.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <time.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "analysis/flags.hpp"
#include "harness/bystander_process.hpp"
#include "harness/clock_reader.hpp"
#include "harness/device.hpp"
#include "harness/perturbation.hpp"
#include "harness/worker.hpp"

namespace notifier {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr const char* kSoftgpuDevicesVariable = "SOFTGPU_DEVICES";  // another runtime ignores it
constexpr int kPollMs = 200;
// A worker reports each event; within one it may wait for the device as long as its patience.
constexpr std::chrono::seconds kSilenceBeyondPatience{15};
constexpr std::chrono::seconds kGreetingLimit{60};
constexpr std::chrono::seconds kReapLimit{10};

}  // namespace

void put_missing_result(const RunOutcome& outcome, analysis::SummaryRow& row) {
  row.status = outcome.interrupted ? analysis::Status::kOk : analysis::Status::kFailed;
  row.reason = outcome.failure;
  if (outcome.interrupted) analysis::add_flag(row.flags, "interrupted");
}

WorkerProcess::Environment WorkerProcess::environment_for(const Case& wanted) {
  if (wanted.memory == Memory::kPlain) return {{kWithoutDeviceVariable, "1"}};
  // kfd_facts §7: read once, when the runtime starts.
  Environment environment{
      {"HSA_XNACK", wanted.recovery == Recovery::kRetryFault ? "1" : "0"},
      {"SOFTGPU_CWSR", wanted.recovery == Recovery::kWaitForJobs ? "0" : "1"},
      // What a user may have set to find a defect would wait for a kernel that does not end
      // (clr rocclr/utils/flags.hpp): after each launch, or behind it in the one queue.
      {"HIP_LAUNCH_BLOCKING", "0"},
      {"AMD_SERIALIZE_KERNEL", "0"},
      {"AMD_SERIALIZE_COPY", "0"},
      {"GPU_MAX_HW_QUEUES", "4"}};
  const Perturbation* row = find_perturbation(wanted.perturbation);
  if (row != nullptr && row->waits_for_work) {
    environment[kAllowedCallsVariable] = calls_beside_finite_work();
  }
  return environment;
}

WorkerProcess::Environment WorkerProcess::environment_of(const BystanderSet& bystanders) {
  Environment environment;
  if (bystanders.has(Bystander::kProcess)) environment[kWithBystanderVariable] = "1";
  if (bystanders.has(Bystander::kDevice) && std::getenv(kSoftgpuDevicesVariable) == nullptr) {
    environment[kSoftgpuDevicesVariable] = "2";
  }
  return environment;
}

std::unique_ptr<WorkerProcess> WorkerProcess::start(const Environment& environment) {
  SpawnedWorker spawned = spawn_worker(environment);
  std::unique_ptr<WorkerProcess> worker(new WorkerProcess(std::move(spawned)));
  worker->await_greeting();
  return worker;
}

void WorkerProcess::await_greeting() {
  const auto limit = Clock::now() + kGreetingLimit;
  json message;
  while (Clock::now() < limit) {
    switch (channel_.receive(message, kPollMs)) {
      case MessageChannel::Receipt::kMessage:
        if (message.value("type", "") == "hello") {
          device_ = device_from_json(message);
        } else {
          no_device_reason_ = message.value("reason", message.dump());
        }
        return;
      case MessageChannel::Receipt::kTimeout:
        continue;
      case MessageChannel::Receipt::kClosed:
        no_device_reason_ = describe_death() + " while it looked for a device";
        return;
      case MessageChannel::Receipt::kMalformed:
        no_device_reason_ = "the worker sent what is no message: " + channel_.malformed_line();
        return;
    }
  }
  no_device_reason_ = fmt::format("no device was found within {} s", kGreetingLimit.count());
}

WorkerProcess::~WorkerProcess() {
  if (!reaped_) reaped_ = kill_and_reap(pid_, wait_status_);
  int ignored = 0;
  if (bystander_pid_ != 0) kill_and_reap(bystander_pid_, ignored);
}

std::string WorkerProcess::describe_death() {
  // The socket is closed, so the process has ended or is about to.
  if (!reaped_) {
    const auto limit = Clock::now() + kReapLimit;
    const timespec pause{0, 50'000};  // its death may be what is measured
    while (!reaped_ && Clock::now() < limit) {
      if (waitpid(pid_, &wait_status_, WNOHANG) == pid_) {
        reaped_ = true;
      } else {
        nanosleep(&pause, nullptr);
      }
    }
  }
  if (!reaped_) return "the worker closed its socket but does not end";
  if (WIFSIGNALED(wait_status_)) {
    return fmt::format("the worker was ended by signal {} ({})", WTERMSIG(wait_status_),
                       strsignal(WTERMSIG(wait_status_)));
  }
  return fmt::format("the worker ended with exit code {}", WEXITSTATUS(wait_status_));
}

void WorkerProcess::exchange(const json& request, std::chrono::milliseconds patience,
                             const std::function<bool()>& stop,
                             const std::function<bool(const json&)>& take, RunOutcome& outcome) {
  std::string phase = "start";
  std::int64_t event = -1;
  const auto where = [&] {
    return event < 0 ? fmt::format("in phase '{}'", phase)
                     : fmt::format("in phase '{}', event {}", phase, event);
  };
  const auto give_up = [&](std::string reason) {
    outcome.failure = std::move(reason);
    outcome.worker_lost = true;
    reaped_ = reaped_ || kill_and_reap(pid_, wait_status_);
    outcome.worker_unkillable = !reaped_;
  };
  channel_.send(request);
  const auto silence = patience + kSilenceBeyondPatience;
  auto silent_until = Clock::now() + silence;
  json message;
  while (true) {
    if (stop()) {
      give_up("interrupted " + where());
      outcome.interrupted = true;
      return;
    }
    switch (channel_.receive(message, kPollMs)) {
      case MessageChannel::Receipt::kTimeout:
        if (Clock::now() < silent_until) continue;
        return give_up(fmt::format("the worker hangs {}: no word for {} ms", where(),
                                   std::chrono::milliseconds(silence).count()));
      case MessageChannel::Receipt::kClosed:
        give_up(describe_death() + " " + where());
        if (reaped_) outcome.death_ns = monotonic_raw_ns();
        return;
      case MessageChannel::Receipt::kMalformed:
        return give_up("the worker sent what is no message: " + channel_.malformed_line());
      case MessageChannel::Receipt::kMessage:
        break;
    }
    silent_until = Clock::now() + silence;
    const std::string type = message.value("type", "");
    if (type == "phase") {
      phase = message.at("phase");
      event = message.at("event");
      outcome.phase = phase;
      outcome.phase_ns = message.value("time_ns", std::int64_t{0});
    } else if (type == "failed") {
      // The case's memory and kernel may be in any state: the next case gets a fresh worker.
      return give_up(fmt::format("{} ({})", message.at("reason").get<std::string>(), where()));
    } else if (take(message)) {
      return;
    }
  }
}

RunOutcome WorkerProcess::run(const CaseRequest& request, const std::function<bool()>& stop) {
  return run_case_of(to_json(request), request.patience, stop);
}

RunOutcome WorkerProcess::run_case_of(const json& request, std::chrono::milliseconds patience,
                                      const std::function<bool()>& stop) {
  RunOutcome outcome;
  const auto take = [&](const json& message) {
    if (message.value("type", "") == "sample") {
      outcome.samples.push_back(sample_from_csv(message.at("row")));
      return false;
    }
    outcome.result = result_from_json(message);
    return true;
  };
  exchange(request, patience, stop, take, outcome);
  return outcome;
}

WorkerProcess::StormOutcome WorkerProcess::storm(const CaseRequest& request, double seconds,
                                                 const std::function<bool()>& stop) {
  StormOutcome storm;
  json message = to_json(request);
  message["type"] = "storm";
  message["seconds"] = seconds;
  const auto take = [&](const json& answer) {
    for (const json& point : answer.at("points")) {
      storm.points.push_back(storm_point_from_json(point));
    }
    return true;
  };
  RunOutcome outcome;
  exchange(message, request.patience, stop, take, outcome);
  storm.failure = outcome.failure;
  return storm;
}

WorkerProcess::MeterOutcome WorkerProcess::measure_meter(const CaseRequest& request, bool long_form,
                                                         const std::function<bool()>& stop) {
  MeterOutcome meter;
  json message = to_json(request);
  message["type"] = "meter";
  message["long_form"] = long_form;
  const auto take = [&](const json& answer) {
    meter.refusals = answer.value("refusals", std::vector<std::string>{});
    for (const json& point : answer.at("points")) {
      meter.points.push_back({point.at("method"), point.at("hold_ns"), point.at("injected_ns"),
                              point.at("measured_ns")});
    }
    return true;
  };
  RunOutcome outcome;
  exchange(message, request.patience, stop, take, outcome);
  meter.failure = outcome.failure;
  return meter;
}

}  // namespace notifier
