// SPDX-License-Identifier: MIT
#include "softgpu/core/device.hpp"

#include <unistd.h>

#include <mutex>
#include <utility>

#include "softgpu/core/clock.hpp"
#include "softgpu/core/control_memory.hpp"
#include "softgpu/core/plant.hpp"
#include "softgpu/core/report.hpp"
#include "softgpu/core/startup.hpp"

namespace softgpu {
namespace {

constinit Device* the_device = nullptr;

const char* reason(TranslationFault fault) {
  switch (fault) {
    case TranslationFault::kNotMapped:
      return "page not present";
    case TranslationFault::kReadOnly:
      return "write to a read-only page";
    case TranslationFault::kInvalidated:
      break;
  }
  return "page invalid";
}

}  // namespace

Device::Device(Settings settings, std::unique_ptr<Engine> engine)
    : settings_(std::move(settings)),
      engine_(std::move(engine)),
      waves_(make_in_control_memory<WaveTable>()),
      events_(make_in_control_memory<DriverEvents>(settings_.devices)),
      auditor_(registry_, events_, pagemap_, settings_.audit),
      notifier_(registry_, waves_, events_, auditor_, settings_),
      forks_(notifier_),
      vram_(page_ceil(settings_.vram_bytes), settings_.devices),
      migrator_({registry_, events_, notifier_, vram_}, settings_),
      memory_({registry_, waves_, notifier_, forks_, auditor_, pagemap_, vram_, migrator_,
               engine_.get()},
              settings_.retry_faults),
      supervisor_(notifier_, migrator_, forks_, registry_, settings_),
      restore_worker_({registry_, events_, notifier_, forks_, auditor_, memory_, pagemap_},
                      settings_),
      fault_server_({registry_, events_, notifier_, forks_, auditor_, memory_, migrator_, pagemap_},
                    settings_.delays) {
  if (settings_.wait_for_jobs) {
    waves_.wait_for_jobs(settings_.wait_limit_ms * 1'000'000);
  }
  if (plant_watches_accesses(settings_.plant)) {
    waves_.watch_all_accesses();
  }
}

std::uint64_t Device::clock_ticks() const {
  return engine_ != nullptr ? engine_->clock_ticks()
                            : device_ticks_at(read_clock_ns(CLOCK_MONOTONIC_RAW));
}

const char* Device::name() const { return engine_ != nullptr ? engine_->device_name() : "softgpu"; }

Translation Device::report_protocol_violation(std::uintptr_t device_address) {
  std::uintptr_t delta = 0;
  {
    const std::lock_guard lock(registry_.lock());
    const Range* range = registry_.find_device(device_address);
    const std::uint64_t page = (device_address - range->device_begin) >> kPageShift;
    delta = range->cpu_address(page) - page_floor(device_address);
  }
  events_.protocol_violation(device_address, ProtocolViolation::kAccessWhileInvalid);
  return {.device_begin = page_floor(device_address),
          .size = kPageSize,
          .writable_size = kPageSize,
          .delta = delta};
}

bool Device::set_retry_faults(bool enable) {
  if (enable && settings_.wait_for_jobs) {
    return false;  // would hang (settings.cpp)
  }
  return enable == retry_faults() ||
         (engine_ == nullptr && queues_.empty() && memory_.set_retry_faults(enable));
}

bool Device::set_fault_handler(const FaultHandler& handler) {
  const std::lock_guard lock(fault_handler_lock_);
  if (fault_handler_.tell != nullptr) {
    return false;
  }
  fault_handler_ = handler;
  return true;
}

void Device::raise_memory_fault(Wave& wave, const FatalFault& fault) {
  events_.device_fault(wave.device, fault.device_address, fault.access);
  FaultHandler handler;
  {
    const std::lock_guard lock(fault_handler_lock_);
    handler = fault_handler_;
  }
  if (handler.tell != nullptr) {
    waves_.preempt_from_now_on();
    wave.stop_at_fault();
    if (engine_ != nullptr) {
      engine_->stop_for_good();
    }
    notifier_.stop_for_good();
    if (handler.tell(fault, handler.data)) {
      for (;;) {
        pause();
      }
    }
  }
  fail("memory access fault by device %u on address 0x%lx (%s): %s", wave.device,
       static_cast<unsigned long>(fault.device_address),
       fault.access == Access::kWrite ? "write" : "read", reason(fault.reason));
}

const std::string& start_device() {
  static std::once_flag once;
  static std::string* const problem = new std::string;
  static std::string* const forked_problem = new std::string("a forked child has no device");
  if (in_forked_child()) {
    return *forked_problem;
  }
  std::call_once(once, [] {
    Settings settings;
    *problem = read_settings(settings);
    std::unique_ptr<Engine> engine;
    if (problem->empty()) {
      engine = make_engine(settings, *problem);
    }
    const bool notified_by_us = engine == nullptr;
    if (problem->empty() && notified_by_us) {
      *problem = check_process(settings);
    }
    if (problem->empty()) {
      the_device = new Device(std::move(settings), std::move(engine));
      *problem = notified_by_us ? start_notifier(*the_device) : start_without_notifier();
    }
    if (!problem->empty()) {
      report("%s", problem->c_str());
    }
  });
  return *problem;
}

Device& device() { return *the_device; }

}  // namespace softgpu
