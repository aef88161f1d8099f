// SPDX-License-Identifier: MIT
// Initialisation, device properties, synchronisation of everything.
#include <hip/hip_version.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "softgpu/api/hip_call.hpp"
#include "softgpu/core/clock.hpp"

using namespace softgpu;  // the entry points below are in no namespace

namespace softgpu::api {
namespace {

constexpr int kPciBusIdLength = sizeof("0000:00:00.0");
constinit thread_local std::uint32_t the_current_device = 0;

int wave_limit() { return static_cast<int>(device().settings().waves); }
int clock_khz() { return static_cast<int>(kDeviceClockHz / 1000); }

struct Attribute {
  hipDeviceAttribute_t id;
  int (*value)();
  bool adds_ordinal = false;
};

// What else the enumeration names is hipErrorNotSupported.
constexpr std::array kAttributes = {
    Attribute{hipDeviceAttributeWarpSize, [] { return 1; }},
    Attribute{hipDeviceAttributeMultiprocessorCount, wave_limit},
    Attribute{hipDeviceAttributeMaxThreadsPerBlock, [] { return 1; }},
    Attribute{hipDeviceAttributeMaxBlockDimX, [] { return 1; }},
    Attribute{hipDeviceAttributeMaxBlockDimY, [] { return 1; }},
    Attribute{hipDeviceAttributeMaxBlockDimZ, [] { return 1; }},
    Attribute{hipDeviceAttributeMaxGridDimX, wave_limit},
    Attribute{hipDeviceAttributeMaxGridDimY, [] { return 1; }},
    Attribute{hipDeviceAttributeMaxGridDimZ, [] { return 1; }},
    Attribute{hipDeviceAttributeMaxThreadsPerMultiProcessor, [] { return 1; }},
    Attribute{hipDeviceAttributeMaxSharedMemoryPerBlock, [] { return 0; }},
    Attribute{hipDeviceAttributeMaxRegistersPerBlock, [] { return 0; }},
    Attribute{hipDeviceAttributeClockRate, clock_khz},
    Attribute{hipDeviceAttributeClockInstructionRate, clock_khz},
    Attribute{hipDeviceAttributeConcurrentKernels, [] { return 1; }},
    Attribute{hipDeviceAttributeManagedMemory, [] { return 1; }},
    Attribute{hipDeviceAttributeConcurrentManagedAccess, [] { return 1; }},
    Attribute{hipDeviceAttributeDirectManagedMemAccessFromHost, [] { return 1; }},
    Attribute{hipDeviceAttributePageableMemoryAccess,
              [] { return device().retry_faults() ? 1 : 0; }},
    Attribute{hipDeviceAttributePageableMemoryAccessUsesHostPageTables, [] { return 0; }},
    Attribute{hipDeviceAttributeCanMapHostMemory, [] { return 1; }},
    Attribute{hipDeviceAttributeCanUseHostPointerForRegisteredMem,
              [] { return device().engine() != nullptr ? 1 : 0; }},
    Attribute{hipDeviceAttributeIntegrated, [] { return 0; }},
    Attribute{hipDeviceAttributePciBusId, [] { return 0; }, true},
    Attribute{hipDeviceAttributePciDeviceId, [] { return 0; }},
    Attribute{hipDeviceAttributeKernelExecTimeout, [] { return 0; }},
    Attribute{hipDeviceAttributeEccEnabled, [] { return 0; }},
    Attribute{hipDeviceAttributeIsLargeBar, [] { return 0; }},
};

hipError_t get_attribute(int* value, hipDeviceAttribute_t id, int ordinal) {
  if (value == nullptr || !is_device(ordinal)) {
    return value == nullptr ? hipErrorInvalidValue : hipErrorInvalidDevice;
  }
  const auto* found = std::find_if(kAttributes.begin(), kAttributes.end(),
                                   [&](const Attribute& attribute) { return attribute.id == id; });
  if (found == kAttributes.end()) {
    return hipErrorNotSupported;
  }
  *value = found->value() + (found->adds_ordinal ? ordinal : 0);
  return hipSuccess;
}

hipError_t get_properties(hipDeviceProp_t* properties, int ordinal) {
  if (properties == nullptr || !is_device(ordinal)) {
    return properties == nullptr ? hipErrorInvalidValue : hipErrorInvalidDevice;
  }
  std::memset(properties, 0, sizeof(*properties));
  std::strncpy(properties->name, device().name(), sizeof(properties->name) - 1);
  std::strncpy(properties->gcnArchName, device().name(), sizeof(properties->gcnArchName) - 1);
  properties->totalGlobalMem = device().memory().vram_bytes();
  properties->warpSize = 1;
  properties->maxThreadsPerBlock = 1;
  std::fill_n(properties->maxThreadsDim, 3, 1);
  std::fill_n(properties->maxGridSize, 3, 1);
  properties->maxGridSize[0] = wave_limit();
  properties->multiProcessorCount = wave_limit();
  properties->maxThreadsPerMultiProcessor = 1;
  properties->clockRate = clock_khz();
  properties->clockInstructionRate = clock_khz();
  properties->pciBusID = ordinal;
  properties->concurrentKernels = 1;
  properties->canMapHostMemory = 1;
  properties->managedMemory = 1;
  properties->directManagedMemAccessFromHost = 1;
  properties->pageableMemoryAccess = device().retry_faults() ? 1 : 0;
  properties->concurrentManagedAccess = 1;
  return hipSuccess;
}

}  // namespace

std::uint32_t current_device() { return the_current_device; }

}  // namespace softgpu::api

extern "C" {

hipError_t hipInit(unsigned int flags) {
  return api::call([=] { return flags == 0 ? hipSuccess : hipErrorInvalidValue; });
}

hipError_t hipGetDeviceCount(int* count) {
  return api::call([=] {
    if (count == nullptr) {
      return hipErrorInvalidValue;
    }
    *count = static_cast<int>(device().settings().devices);
    return hipSuccess;
  });
}

hipError_t hipSetDevice(int deviceId) {
  return api::call([=] {
    if (!api::is_device(deviceId)) {
      return hipErrorInvalidDevice;
    }
    api::the_current_device = static_cast<std::uint32_t>(deviceId);
    return hipSuccess;
  });
}

hipError_t hipGetDevice(int* deviceId) {
  return api::call([=] {
    if (deviceId == nullptr) {
      return hipErrorInvalidValue;
    }
    *deviceId = static_cast<int>(api::current_device());
    return hipSuccess;
  });
}

hipError_t hipDeviceGet(hipDevice_t* device, int ordinal) {
  return api::call([=] {
    if (device == nullptr || !api::is_device(ordinal)) {
      return device == nullptr ? hipErrorInvalidValue : hipErrorInvalidDevice;
    }
    *device = ordinal;
    return hipSuccess;
  });
}

hipError_t hipDeviceGetName(char* name, int len, hipDevice_t device) {
  return api::call([=] {
    if (name == nullptr || len <= static_cast<int>(std::strlen(softgpu::device().name()))) {
      return hipErrorInvalidValue;
    }
    if (!api::is_device(device)) {
      return hipErrorInvalidDevice;
    }
    std::strcpy(name, softgpu::device().name());
    return hipSuccess;
  });
}

hipError_t hipDeviceGetPCIBusId(char* pciBusId, int len, int device) {
  return api::call([=] {
    if (pciBusId == nullptr || len < api::kPciBusIdLength) {
      return hipErrorInvalidValue;
    }
    if (!api::is_device(device)) {
      return hipErrorInvalidDevice;
    }
    std::snprintf(pciBusId, static_cast<std::size_t>(len), "0000:%02x:00.0", device);
    return hipSuccess;
  });
}

hipError_t hipGetDeviceProperties(hipDeviceProp_t* prop, int deviceId) {
  return api::call([=] { return api::get_properties(prop, deviceId); });
}

hipError_t hipDeviceGetAttribute(int* pi, hipDeviceAttribute_t attr, int deviceId) {
  return api::call([=] { return api::get_attribute(pi, attr, deviceId); });
}

hipError_t hipRuntimeGetVersion(int* runtimeVersion) {
  return api::call([=] {
    if (runtimeVersion == nullptr) {
      return hipErrorInvalidValue;
    }
    *runtimeVersion = HIP_VERSION;
    return hipSuccess;
  });
}

hipError_t hipDriverGetVersion(int* driverVersion) {
  return api::call([=] {
    if (driverVersion == nullptr) {
      return hipErrorInvalidValue;
    }
    *driverVersion = HIP_VERSION;
    return hipSuccess;
  });
}

hipError_t hipDeviceSynchronize() {
  return api::call([] {
    device().queues().wait_for_device(api::current_device(), "hipDeviceSynchronize");
    return hipSuccess;
  });
}

}  // extern "C"
