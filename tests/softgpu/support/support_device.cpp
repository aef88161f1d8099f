// SPDX-License-Identifier: MIT
#include <hip/hip_version.h>

#include <array>
#include <cstring>
#include <string>

#include "support.hpp"

namespace softgpu_test::support {
namespace {

int attribute(hipDeviceAttribute_t id, int ordinal = 0) {
  int value = -1;
  REQUIRE_HIP(hipDeviceGetAttribute(&value, id, ordinal));
  return value;
}

constexpr std::array kRows = {
    Row{"hipInit", "succeeds with flags 0, refuses others",
        [] {
          REQUIRE_HIP(hipInit(0));
          REQUIRE(hipInit(1) == hipErrorInvalidValue);
        }},
    Row{"hipGetDeviceCount", "counts SOFTGPU_DEVICES",
        [] {
          int count = 0;
          REQUIRE_HIP(hipGetDeviceCount(&count));
          REQUIRE(count == kDevices);
        }},
    Row{"hipSetDevice", "the next allocation is in that device's memory",
        [] {
          REQUIRE_HIP(hipSetDevice(1));
          void* memory = nullptr;
          REQUIRE_HIP(hipMalloc(&memory, kPage));
          hipPointerAttribute_t attributes{};
          REQUIRE_HIP(hipPointerGetAttributes(&attributes, memory));
          REQUIRE(attributes.device == 1);
          REQUIRE(hipSetDevice(kDevices) == hipErrorInvalidDevice);
        }},
    Row{"hipGetDevice", "names the device that was set last",
        [] {
          int ordinal = -1;
          REQUIRE_HIP(hipGetDevice(&ordinal));
          REQUIRE(ordinal == 0);
          REQUIRE_HIP(hipSetDevice(1));
          REQUIRE_HIP(hipGetDevice(&ordinal));
          REQUIRE(ordinal == 1);
        }},
    Row{"hipDeviceGet", "gives the handle of an ordinal",
        [] {
          hipDevice_t handle = -1;
          REQUIRE_HIP(hipDeviceGet(&handle, 1));
          REQUIRE(handle == 1);
          REQUIRE(hipDeviceGet(&handle, kDevices) == hipErrorInvalidDevice);
        }},
    Row{"hipDeviceGetName", "softgpu",
        [] {
          std::array<char, 64> name{};
          REQUIRE_HIP(hipDeviceGetName(name.data(), name.size(), 0));
          REQUIRE(std::strcmp(name.data(), "softgpu") == 0);
        }},
    Row{"hipDeviceGetPCIBusId", "each device has its own",
        [] {
          std::array<char, 32> first{};
          std::array<char, 32> second{};
          REQUIRE_HIP(hipDeviceGetPCIBusId(first.data(), first.size(), 0));
          REQUIRE_HIP(hipDeviceGetPCIBusId(second.data(), second.size(), 1));
          REQUIRE(std::strcmp(first.data(), "0000:00:00.0") == 0);
          REQUIRE(std::strcmp(second.data(), "0000:01:00.0") == 0);
        }},
    Row{"hipDeviceGetAttribute", "wave size, multiprocessors, memory access, PCI bus",
        [] {
          REQUIRE(attribute(hipDeviceAttributeWarpSize) == 1);
          REQUIRE(attribute(hipDeviceAttributeMultiprocessorCount) >= 1);
          REQUIRE(attribute(hipDeviceAttributeManagedMemory) == 1);
          REQUIRE(attribute(hipDeviceAttributePageableMemoryAccess) == 0);
          REQUIRE(attribute(hipDeviceAttributePciBusId, 1) == 1);
        },
        "attributes of textures, surfaces, caches, cooperative launch: hipErrorNotSupported",
        [] {
          int value = 0;
          for (const hipDeviceAttribute_t id :
               {hipDeviceAttributeMaxTexture1DWidth, hipDeviceAttributeL2CacheSize,
                hipDeviceAttributeCooperativeLaunch}) {
            REQUIRE(hipDeviceGetAttribute(&value, id, 0) == hipErrorNotSupported);
          }
        }},
    Row{"hipGetDeviceProperties", "agrees with hipDeviceGetAttribute",
        [] {
          hipDeviceProp_t properties{};
          REQUIRE_HIP(hipGetDeviceProperties(&properties, 1));
          REQUIRE(std::strcmp(properties.gcnArchName, "softgpu") == 0);
          REQUIRE(properties.multiProcessorCount ==
                  attribute(hipDeviceAttributeMultiprocessorCount));
          REQUIRE(properties.totalGlobalMem != 0 && properties.pciBusID == 1);
        },
        "textures, caches and compute capability are 0: there are none",
        [] {
          hipDeviceProp_t properties{};
          REQUIRE_HIP(hipGetDeviceProperties(&properties, 0));
          REQUIRE(properties.maxTexture1D == 0 && properties.l2CacheSize == 0 &&
                  properties.major == 0 && properties.sharedMemPerBlock == 0);
        }},
    Row{"hipRuntimeGetVersion", "the version of the headers",
        [] {
          int version = 0;
          REQUIRE_HIP(hipRuntimeGetVersion(&version));
          REQUIRE(version == HIP_VERSION);
        }},
    Row{"hipDriverGetVersion", "the version of the headers",
        [] {
          int version = 0;
          REQUIRE_HIP(hipDriverGetVersion(&version));
          REQUIRE(version == HIP_VERSION);
        }},
    Row{"hipDeviceSynchronize", "returns when a kernel's result is there",
        [] {
          std::uint64_t* word = host_word();
          REQUIRE_HIP(launch_add(word, 3, new_stream()));
          REQUIRE_HIP(hipDeviceSynchronize());
          REQUIRE(*word == 3);
        }},
    Row{"hipGetLastError", "gives the last error once",
        [] {
          REQUIRE(hipGetDeviceCount(nullptr) == hipErrorInvalidValue);
          REQUIRE(hipGetLastError() == hipErrorInvalidValue);
          REQUIRE(hipGetLastError() == hipSuccess);
        }},
    Row{"hipPeekAtLastError", "gives the last error and keeps it",
        [] {
          REQUIRE(hipGetDeviceCount(nullptr) == hipErrorInvalidValue);
          REQUIRE(hipPeekAtLastError() == hipErrorInvalidValue);
          REQUIRE(hipPeekAtLastError() == hipErrorInvalidValue);
        }},
    Row{"hipGetErrorName", "the enumerator's name",
        [] { REQUIRE(std::string(hipGetErrorName(hipErrorOutOfMemory)) == "hipErrorOutOfMemory"); },
        "errors that softgpu never returns are hipErrorUnknown",
        [] {
          REQUIRE(std::string(hipGetErrorName(hipErrorProfilerDisabled)) == "hipErrorUnknown");
        }},
    Row{"hipGetErrorString", "a sentence of its own for each error",
        [] { REQUIRE(std::string(hipGetErrorString(hipErrorOutOfMemory)) == "out of memory"); },
        "errors that softgpu never returns are \"unknown error\"",
        [] {
          REQUIRE(std::string(hipGetErrorString(hipErrorProfilerDisabled)) == "unknown error");
        }},
};

}  // namespace

std::span<const Row> device_rows() { return kRows; }

}  // namespace softgpu_test::support
