// SPDX-License-Identifier: MIT
// What every HIP entry point does around its own work.
#pragma once

#include <hip/hip_runtime_api.h>

#include <memory>
#include <new>
#include <system_error>

#include "softgpu/core/allowed_calls.hpp"
#include "softgpu/core/device.hpp"
#include "softgpu/core/memory.hpp"

namespace softgpu::api {

/// Remembers the error for hipGetLastError and returns it. Success leaves the last error alone.
hipError_t finish(hipError_t error);

/// Runs body() with the device started; failures to start and exceptions become HIP errors. `name`
/// is the HIP function's, for it is its body that calls this.
template <typename Body>
hipError_t call(Body&& body, const char* name = __builtin_FUNCTION()) {
  if (!start_device().empty()) {
    return finish(hipErrorNotInitialized);
  }
  check_allowed_call(name);
  try {
    return finish(body());
  } catch (const std::bad_alloc&) {
    return finish(hipErrorOutOfMemory);
  } catch (const std::system_error&) {
    return finish(hipErrorOperatingSystem);
  }
}

hipError_t to_hip_error(MemoryError error);

/// The queue behind a stream handle; null for a handle that is none.
std::shared_ptr<Queue> queue_of(hipStream_t stream);

/// What an operation of this stream waits for, apart from copies.
WaitsFor stream_order(hipStream_t stream, const Queue& queue);

inline bool is_device(int ordinal) {
  return ordinal >= 0 && static_cast<std::uint32_t>(ordinal) < device().settings().devices;
}

/// The calling thread's device (hipSetDevice).
std::uint32_t current_device();

}  // namespace softgpu::api
