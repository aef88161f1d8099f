// SPDX-License-Identifier: MIT
#include <array>

#include "softgpu/api/hip_call.hpp"

namespace softgpu::api {
namespace {

thread_local hipError_t last_error = hipSuccess;

struct ErrorText {
  hipError_t code;
  const char* name;
  const char* text;
};

#define SOFTGPU_ERROR(code, text) \
  ErrorText { code, #code, text }

constexpr std::array kErrors = {
    SOFTGPU_ERROR(hipSuccess, "no error"),
    SOFTGPU_ERROR(hipErrorInvalidValue, "invalid argument"),
    SOFTGPU_ERROR(hipErrorOutOfMemory, "out of memory"),
    SOFTGPU_ERROR(hipErrorNotInitialized, "initialization error"),
    SOFTGPU_ERROR(hipErrorDeinitialized, "driver shutting down"),
    SOFTGPU_ERROR(hipErrorInvalidConfiguration, "invalid configuration argument"),
    SOFTGPU_ERROR(hipErrorInvalidDevicePointer, "invalid device pointer"),
    SOFTGPU_ERROR(hipErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    SOFTGPU_ERROR(hipErrorInvalidDeviceFunction, "invalid device function"),
    SOFTGPU_ERROR(hipErrorNoDevice, "no ROCm-capable device is detected"),
    SOFTGPU_ERROR(hipErrorInvalidDevice, "invalid device ordinal"),
    SOFTGPU_ERROR(hipErrorOperatingSystem, "OS call failed or operation not supported on this OS"),
    SOFTGPU_ERROR(hipErrorInvalidHandle, "invalid resource handle"),
    SOFTGPU_ERROR(hipErrorNotFound, "named symbol not found"),
    SOFTGPU_ERROR(hipErrorNotReady, "device not ready"),
    SOFTGPU_ERROR(hipErrorIllegalAddress, "an illegal memory access was encountered"),
    SOFTGPU_ERROR(hipErrorLaunchOutOfResources, "too many resources requested for launch"),
    SOFTGPU_ERROR(hipErrorHostMemoryAlreadyRegistered, "host memory already registered"),
    SOFTGPU_ERROR(hipErrorHostMemoryNotRegistered, "host memory not registered"),
    SOFTGPU_ERROR(hipErrorLaunchFailure, "unspecified launch failure"),
    SOFTGPU_ERROR(hipErrorNotSupported, "operation not supported"),
    SOFTGPU_ERROR(hipErrorUnknown, "unknown error"),
};

#undef SOFTGPU_ERROR

const ErrorText& text_of(hipError_t code) {
  for (const ErrorText& error : kErrors) {
    if (error.code == code) {
      return error;
    }
  }
  return kErrors.back();
}

}  // namespace

hipError_t finish(hipError_t error) {
  if (error != hipSuccess) {
    last_error = error;
  }
  return error;
}

hipError_t to_hip_error(MemoryError error) {
  switch (error) {
    case MemoryError::kNone:
      return hipSuccess;
    case MemoryError::kInvalid:
      return hipErrorInvalidValue;
    case MemoryError::kAlreadyRegistered:
      return hipErrorHostMemoryAlreadyRegistered;
    case MemoryError::kNotRegistered:
      return hipErrorHostMemoryNotRegistered;
    case MemoryError::kNotMapped:
    case MemoryError::kOutOfMemory:
      return hipErrorOutOfMemory;  // what clr makes of a lock that fails
    case MemoryError::kCannotMigrate:
    case MemoryError::kPartOfRange:
      return hipErrorNotSupported;
  }
  return hipErrorUnknown;
}

}  // namespace softgpu::api

extern "C" {

hipError_t hipGetLastError() {
  const hipError_t error = softgpu::api::last_error;
  softgpu::api::last_error = hipSuccess;
  return error;
}

hipError_t hipPeekAtLastError() { return softgpu::api::last_error; }

const char* hipGetErrorName(hipError_t error) { return softgpu::api::text_of(error).name; }

const char* hipGetErrorString(hipError_t error) { return softgpu::api::text_of(error).text; }

}  // extern "C"
