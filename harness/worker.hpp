// SPDX-License-Identifier: MIT
// The worker process: owns the device and does one task after another as the parent asks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "harness/case_run.hpp"
#include "harness/message_channel.hpp"
#include "harness/worker_protocol.hpp"

namespace notifier {

/// A worker with this variable in its environment listens to no driver events.
inline constexpr const char* kNoDriverEventsVariable = "NOTIFIER_NO_DRIVER_EVENTS";

/// A worker with this variable never calls HIP: the controls without a device.
inline constexpr const char* kWithoutDeviceVariable = "NOTIFIER_WITHOUT_DEVICE";

/// What a task has to work with.
struct WorkerSide {
  MessageChannel& channel;
  const DeviceInfo& device;
  DriverEventListener* driver_events;  // null: there are none

  void send_phase(const std::string& phase, std::int64_t event) const;
  /// Sends phases and samples as they come.
  CaseObserver observer() const;
};

/// Answers one message of the parent. What it throws is sent as the reason of a failure.
using WorkerTask = std::function<void(const nlohmann::json& message, const WorkerSide&)>;
/// By the message's type.
using WorkerTasks = std::map<std::string, WorkerTask>;

/// Those of the bench: a case, the check of the meter, a storm.
WorkerTasks bench_tasks();

/// Whether this process was started as a worker.
bool is_worker();

/// Serves requests until the parent closes the socket. Returns the exit code.
int worker_main(const WorkerTasks& tasks);

}  // namespace notifier
