// SPDX-License-Identifier: MIT
// The one function of the HSA runtime that a program needs to survive a device memory fault.
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>

#include "softgpu/core/device.hpp"

using namespace softgpu;  // the entry point below is in no namespace

namespace {

constexpr std::uint64_t kAgent = 1;  // of device 0; any value but 0, which is no agent

struct Handler {
  hsa_amd_system_event_callback_t callback;
  void* data;
};

bool tell(const FatalFault& fault, void* registered) {
  const Handler& handler = *static_cast<const Handler*>(registered);
  hsa_amd_event_t event{};
  event.event_type = HSA_AMD_GPU_MEMORY_FAULT_EVENT;
  event.memory_fault.agent.handle = kAgent;
  event.memory_fault.virtual_address = page_floor(fault.device_address);  // as KFD reports it
  event.memory_fault.fault_reason_mask = fault.reason == TranslationFault::kReadOnly
                                             ? HSA_AMD_MEMORY_FAULT_READ_ONLY
                                             : HSA_AMD_MEMORY_FAULT_PAGE_NOT_PRESENT;
  return handler.callback(&event, handler.data) == HSA_STATUS_SUCCESS;
}

}  // namespace

extern "C" {

hsa_status_t HSA_API hsa_amd_register_system_event_handler(hsa_amd_system_event_callback_t callback,
                                                           void* data) {
  if (!start_device().empty()) {
    return HSA_STATUS_ERROR_NOT_INITIALIZED;
  }
  if (callback == nullptr) {
    return HSA_STATUS_ERROR_INVALID_ARGUMENT;
  }
  auto handler = std::make_unique<Handler>(Handler{callback, data});
  if (!device().set_fault_handler({tell, handler.get()})) {
    return HSA_STATUS_ERROR;  // there is one already
  }
  // For the rest of the process: a wave may be about to call it.
  [[maybe_unused]] const Handler* kept = handler.release();
  return HSA_STATUS_SUCCESS;
}

}  // extern "C"
