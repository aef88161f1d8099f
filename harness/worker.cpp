// SPDX-License-Identifier: MIT
#include "harness/worker.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <utility>

#include "harness/bystander_process.hpp"
#include "harness/clock_reader.hpp"
#include "harness/device.hpp"
#include "harness/gpu_locality.hpp"

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
    device_.placement = device_.platform == "rocm"
                            ? stay_on_numa_node(SystemView(), device_.numa_node)
                            : "not placed: the device is this machine's CPUs";
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
    return send_hello();
  }

  /// For the controls that no device may disturb: HIP is never called in this process.
  void greet_without_device() {
    device_.platform = "none";
    device_.name = "no device";
    send_hello();
  }

  void serve(const WorkerTasks& tasks) {
    json message;
    while (channel_.receive(message, -1) != MessageChannel::Receipt::kClosed) {
      const auto task = tasks.find(message.is_object() ? message.value("type", "") : "");
      if (task != tasks.end()) perform(task->second, message);
      message = json();
    }
  }

 private:
  bool send_hello() {
    json hello = to_json(device_);
    hello["type"] = "hello";
    return channel_.send(hello);
  }

  void perform(const WorkerTask& task, const json& message) {
    try {
      task(message, {channel_, device_, driver_events_.get()});
    } catch (const std::exception& error) {
      channel_.send({{"type", "failed"}, {"reason", error.what()}});
    }
  }

  MessageChannel& channel_;
  DeviceInfo device_;
  std::unique_ptr<DriverEventListener> driver_events_;
};

}  // namespace

void WorkerSide::send_phase(const std::string& phase, std::int64_t event) const {
  channel.send(
      {{"type", "phase"}, {"phase", phase}, {"event", event}, {"time_ns", monotonic_raw_ns()}});
}

CaseObserver WorkerSide::observer() const {
  const WorkerSide side = *this;
  return {.phase = [side](const std::string& phase,
                          std::int64_t event) { side.send_phase(phase, event); },
          .sample =
              [side](const analysis::SampleRow& sample) {
                side.channel.send({{"type", "sample"}, {"row", to_csv(sample)}});
              }};
}

bool is_worker() { return std::getenv(kWorkerSocketVariable) != nullptr; }

int worker_main(const WorkerTasks& tasks) {
  // A terminal's Ctrl-C reaches the whole group; the parent decides what becomes of a worker.
  signal(SIGINT, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  MessageChannel channel{FileDescriptor(std::atoi(std::getenv(kWorkerSocketVariable)))};
  BystanderProcess::instance();     // as long as its variable is there
  unsetenv(kWorkerSocketVariable);  // what the worker spawns is no worker
  Worker worker(channel);
  if (std::getenv(kWithoutDeviceVariable) != nullptr) {
    worker.greet_without_device();
  } else if (!worker.greet()) {
    return 77;
  }
  worker.serve(tasks);
  return 0;
}

}  // namespace notifier
