// SPDX-License-Identifier: MIT
#include "harness/worker.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <string>

#include "harness/clock_reader.hpp"
#include "harness/device.hpp"
#include "harness/hip_check.hpp"
#include "harness/message_channel.hpp"
#include "harness/meter_run.hpp"
#include "harness/storm.hpp"
#include "harness/worker_protocol.hpp"

namespace notifier {
namespace {

using nlohmann::json;

class Worker {
 public:
  explicit Worker(MessageChannel& channel) : channel_(channel) {}

  /// Finds the device and tells the parent about it. False when there is none.
  bool greet() {
    try {
      device_ = open_device();
    } catch (const std::exception& error) {
      channel_.send({{"type", "no_device"}, {"reason", error.what()}});
      return false;
    }
    DriverEventOptions options;
    options.node_id = device_.node_id;
    options.gpu_id = device_.gpu_id;
    DriverEventListener::Opened opened;
    if (std::getenv(kNoDriverEventsVariable) == nullptr) {
      opened = DriverEventListener::open(options);
    } else {
      opened.reason = "left out";
    }
    driver_events_ = std::move(opened.listener);
    device_.driver_events = driver_events_ ? driver_events_->source() : "none: " + opened.reason;
    json hello = to_json(device_);
    hello["type"] = "hello";
    return channel_.send(hello);
  }

  /// For the controls that no device may disturb: HIP is never called in this process.
  void greet_without_device() {
    device_.platform = "none";
    device_.name = "no device";
    json hello = to_json(device_);
    hello["type"] = "hello";
    channel_.send(hello);
  }

  void serve() {
    json message;
    while (channel_.receive(message, -1) != MessageChannel::Receipt::kClosed) {
      const std::string type = message.is_object() ? message.value("type", "") : "";
      if (type == "run") run(message);
      if (type == "meter") measure_meter(message);
      if (type == "storm") measure_storm(message);
      message = json();
    }
  }

 private:
  void send_phase(const std::string& phase, std::int64_t event) {
    channel_.send(
        {{"type", "phase"}, {"phase", phase}, {"event", event}, {"time_ns", monotonic_raw_ns()}});
  }

  void measure_meter(const json& message) {
    try {
      const MeterRun run =
          run_meter(request_from_json(message), message.at("long_form"), driver_events_.get(),
                    device_, [&](const std::string& phase) { send_phase(phase, -1); });
      json answer{{"type", "meter"}, {"points", json::array()}, {"refusals", run.refusals}};
      for (const MeterPoint& point : run.points) {
        answer["points"].push_back({{"method", point.method},
                                    {"hold_ns", point.hold_ns},
                                    {"injected_ns", point.injected_ns},
                                    {"measured_ns", point.measured_ns}});
      }
      channel_.send(answer);
    } catch (const std::exception& error) {
      channel_.send({{"type", "failed"}, {"reason", error.what()}});
    }
  }

  void measure_storm(const json& message) {
    try {
      json answer{{"type", "storm"}, {"points", json::array()}};
      for (const StormPoint& point :
           run_storm(request_from_json(message), message.at("seconds"), driver_events_.get(),
                     device_.node_id, [&](const std::string& phase) { send_phase(phase, -1); })) {
        answer["points"].push_back(to_json(point));
      }
      channel_.send(answer);
    } catch (const std::exception& error) {
      channel_.send({{"type", "failed"}, {"reason", error.what()}});
    }
  }

  void run(const json& message) {
    CaseObserver observer;
    observer.phase = [&](const std::string& phase, std::int64_t event) {
      send_phase(phase, event);
    };
    observer.sample = [&](const analysis::SampleRow& sample) {
      channel_.send({{"type", "sample"}, {"row", to_csv(sample)}});
    };
    try {
      const CaseRequest request = request_from_json(message);
      const CaseResult result = run_case(request, driver_events_.get(), device_.node_id, observer);
      channel_.send(to_json(result));
      if (request.sacrifice)
        _exit(0);  // its queues never run again, so nothing can be ended in order
    } catch (const std::exception& error) {
      channel_.send({{"type", "failed"}, {"reason", error.what()}});
    }
  }

  MessageChannel& channel_;
  DeviceInfo device_;
  std::unique_ptr<DriverEventListener> driver_events_;
};

}  // namespace

bool is_worker() { return std::getenv(kWorkerSocketVariable) != nullptr; }

int worker_main() {
  // A terminal's Ctrl-C reaches the whole group; the parent decides what becomes of a worker.
  signal(SIGINT, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  MessageChannel channel{FileDescriptor(std::atoi(std::getenv(kWorkerSocketVariable)))};
  unsetenv(kWorkerSocketVariable);  // what the worker spawns is no worker
  Worker worker(channel);
  if (std::getenv(kWithoutDeviceVariable) != nullptr) {
    worker.greet_without_device();
  } else if (!worker.greet()) {
    return 77;
  }
  worker.serve();
  return 0;
}

}  // namespace notifier
