// SPDX-License-Identifier: MIT
#include "harness/fatal_fault.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>

#include "harness/cannot_perform.hpp"
#include "harness/clock_reader.hpp"

namespace notifier {
namespace {

// Of libhsa-runtime64, which libamdhip64 brings along; softgpu has it, too.
constexpr const char* kRegister = "hsa_amd_register_system_event_handler";
using RegisterFunction = hsa_status_t (*)(hsa_amd_system_event_callback_t, void*);

hsa_status_t take(const hsa_amd_event_t* event, void* watch) {
  if (event == nullptr || event->event_type != HSA_AMD_GPU_MEMORY_FAULT_EVENT) {
    return HSA_STATUS_ERROR;
  }
  static_cast<FatalFaultWatch*>(watch)->note(event->memory_fault.virtual_address,
                                             event->memory_fault.fault_reason_mask);
  return HSA_STATUS_SUCCESS;
}

}  // namespace

FatalFaultWatch& FatalFaultWatch::instance() {
  static FatalFaultWatch watch;
  return watch;
}

FatalFaultWatch::FatalFaultWatch() {
  auto* const function = reinterpret_cast<RegisterFunction>(dlsym(RTLD_DEFAULT, kRegister));
  if (function == nullptr) {
    throw CannotPerform(
        fmt::format("this runtime has no {}: a fatal fault only aborts", kRegister));
  }
  const hsa_status_t status = function(take, this);
  if (status != HSA_STATUS_SUCCESS) {
    throw CannotPerform(
        fmt::format("{} failed with status {:#x}", kRegister, static_cast<unsigned>(status)));
  }
}

void FatalFaultWatch::note(std::uint64_t device_address, std::uint32_t reason_mask) {
  const std::int64_t now_ns = monotonic_raw_ns();
  int none = 0;
  if (!stage_.compare_exchange_strong(none, 1)) return;
  fault_ = {now_ns, device_address, reason_mask};
  stage_.store(2, std::memory_order_release);
}

std::optional<FatalFault> FatalFaultWatch::seen() const {
  if (stage_.load(std::memory_order_acquire) != 2) return std::nullopt;
  return fault_;
}

}  // namespace notifier
