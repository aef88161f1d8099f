// SPDX-License-Identifier: MIT
#include "harness/bystanders.hpp"

#include <fmt/format.h>

#include "harness/device.hpp"
#include "harness/hip_check.hpp"

namespace notifier {
namespace {

using analysis::Metric;

std::optional<double> as_number(const std::optional<std::int64_t>& count) {
  if (!count) return std::nullopt;
  return static_cast<double>(*count);
}

void add(const BystanderFindings& found, BystanderFindings& findings) {
  findings.violations += found.violations;
  findings.words_checked += found.words_checked;
  findings.kept.insert(findings.kept.end(), found.kept.begin(), found.kept.end());
}

}  // namespace

Bystanders::Bystanders(const CaseRequest& request, const DeviceInfo* device) {
  options_.recovery = request.wanted.recovery;
  options_.context = request.wanted.context;
  options_.seed = request.seed + 1;
  options_.patience = request.patience;
  options_.lifetime = request.time_limit + 3 * request.patience;
  const BystanderSet& wanted = request.bystanders;
  if (wanted.has(Bystander::kTimer)) {
    timer_ = std::make_unique<TimerThread>();
    description(Bystander::kTimer) = timer_->scheduling();
  }
  if (device == nullptr) return;
  if (wanted.has(Bystander::kQueue)) {
    queue_ = std::make_unique<BystanderWork>(0, *device, options_, nullptr);
    description(Bystander::kQueue) = "a second queue on " + device->uuid;
  }
  if (wanted.has(Bystander::kDevice)) add_device(options_);
  if (wanted.has(Bystander::kProcess)) add_process();
}

Bystanders::~Bystanders() {
  BystanderFindings ignored;
  try {
    stop(ignored);
  } catch (const std::exception& error) {
    fmt::print(stderr, "stopping a bystander: {}\n", error.what());
  }
}

void Bystanders::add_device(const BystanderOptions& options) {
  constexpr int kSecond = 1;
  int devices = 0;
  HIP_CHECK(hipGetDeviceCount(&devices));
  if (devices <= kSecond) {
    description(Bystander::kDevice) = "none: this process sees one device";
    return;
  }
  second_ = open_device(kSecond);
  HIP_CHECK(hipSetDevice(0));
  DriverEventOptions listened;
  listened.node_id = second_.node_id;
  listened.gpu_id = second_.gpu_id;
  DriverEventListener::Opened opened = DriverEventListener::open(listened);
  second_events_ = std::move(opened.listener);
  device_ = std::make_unique<BystanderWork>(kSecond, second_, options, second_events_.get());
  description(Bystander::kDevice) =
      fmt::format("{} ({}), driver events: {}", second_.uuid, second_.name,
                  second_events_ ? second_events_->source() : "none: " + opened.reason);
}

void Bystanders::add_process() {
  process_ = BystanderProcess::instance();
  description(Bystander::kProcess) = process_ != nullptr
                                         ? "a process with a queue of its own on the same device"
                                         : "none: none was started beside this worker";
}

void Bystanders::launch() {
  if (process_ != nullptr) {
    process_->start(options_);
    process_runs_ = true;
  }
  if (device_) device_->launch();
  if (queue_) queue_->launch();
}

void Bystanders::open() {
  if (process_ != nullptr) process_->open();
  if (device_) device_->open();
  if (queue_) queue_->open();
  if (timer_) timer_->open();
}

void Bystanders::close(analysis::SampleRow& sample) {
  if (timer_) sample[Metric::kTimerLate] = timer_->close();
  if (queue_) sample[Metric::kBystanderQueueStall] = queue_->close().stall_ns;
  if (device_) {
    const BystanderReading reading = device_->close();
    sample[Metric::kBystanderDeviceStall] = reading.stall_ns;
    sample[Metric::kBystanderDeviceEvictions] = as_number(reading.evictions);
  }
  if (process_ != nullptr) {
    const BystanderReading reading = process_->close();
    sample[Metric::kBystanderProcessStall] = reading.stall_ns;
    sample[Metric::kBystanderProcessEvictions] = as_number(reading.evictions);
  }
}

void Bystanders::stop(BystanderFindings& findings) {
  for (BystanderWork* work : {queue_.get(), device_.get()}) {
    if (work != nullptr) work->stop();
  }
  for (BystanderWork* work : {queue_.get(), device_.get()}) {
    if (work != nullptr) add(work->findings(), findings);
  }
  if (!process_runs_) return;
  process_runs_ = false;
  add(process_->stop(), findings);
}

}  // namespace notifier
