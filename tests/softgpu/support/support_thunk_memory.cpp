// SPDX-License-Identifier: MIT
// The thunk's functions for memory.
#include <sys/mman.h>

#include <array>

#include "support.hpp"

namespace softgpu_test::support {
namespace {

#define REQUIRE_THUNK(call) REQUIRE((call) == HSAKMT_STATUS_SUCCESS)

constexpr std::size_t kBytes = 4 * kPage;

HSAKMT_STATUS set(void* memory, HSAuint32 type, HSAuint32 value, std::size_t bytes = kBytes) {
  HSA_SVM_ATTRIBUTE attribute{type, value};
  return hsaKmtSVMSetAttr(memory, bytes, 1, &attribute);
}

HSAuint32 get(void* memory, HSAuint32 type) {
  HSA_SVM_ATTRIBUTE attribute{type, 0};
  REQUIRE_THUNK(hsaKmtSVMGetAttr(memory, kBytes, 1, &attribute));
  return attribute.value;
}

std::uint64_t* registered_and_mapped() {
  char* memory = zeroed_memory(kBytes);
  REQUIRE_THUNK(hsaKmtRegisterMemory(memory, kBytes));
  HSAuint64 device_address = 0;
  REQUIRE_THUNK(hsaKmtMapMemoryToGPU(memory, kBytes, &device_address));
  add(reinterpret_cast<std::uint64_t*>(device_address), 3);
  REQUIRE(*reinterpret_cast<std::uint64_t*>(memory) == 3);
  return reinterpret_cast<std::uint64_t*>(memory);
}

bool evicts(void* memory) {
  DriverLog log;
  REQUIRE(madvise(memory, kBytes, MADV_DONTNEED) == 0);
  return log.count("9") == 1;
}

constexpr std::array kRows = {
    Row{"hsaKmtRegisterMemory", "the memory can be mapped; a second time is an error",
        [] {
          std::uint64_t* memory = registered_and_mapped();
          REQUIRE(hsaKmtRegisterMemory(memory, kBytes) == HSAKMT_STATUS_MEMORY_ALREADY_REGISTERED);
          REQUIRE(hsaKmtRegisterMemory(nullptr, kBytes) == HSAKMT_STATUS_INVALID_PARAMETER);
        }},
    Row{"hsaKmtRegisterMemoryWithFlags", "the same for ordinary host memory",
        [] {
          HsaMemFlags flags{};
          flags.ui32.HostAccess = 1;
          char* memory = zeroed_memory(kBytes);
          REQUIRE_THUNK(hsaKmtRegisterMemoryWithFlags(memory, kBytes, flags));
          REQUIRE_THUNK(hsaKmtMapMemoryToGPU(memory, kBytes, nullptr));
          REQUIRE(evicts(memory));
        },
        "non-paged memory: HSAKMT_STATUS_NOT_SUPPORTED, as in ROCT",
        [] {
          HsaMemFlags flags{};
          flags.ui32.HostAccess = 1;
          flags.ui32.NonPaged = 1;
          REQUIRE(hsaKmtRegisterMemoryWithFlags(zeroed_memory(kBytes), kBytes, flags) ==
                  HSAKMT_STATUS_NOT_SUPPORTED);
        }},
    Row{"hsaKmtDeregisterMemory", "changes of the memory evict no more; a second time is an error",
        [] {
          std::uint64_t* memory = registered_and_mapped();
          REQUIRE_THUNK(hsaKmtDeregisterMemory(memory));
          REQUIRE(!evicts(memory));
          REQUIRE(hsaKmtDeregisterMemory(memory) == HSAKMT_STATUS_MEMORY_NOT_REGISTERED);
        }},
    Row{"hsaKmtMapMemoryToGPU", "the device works on it, and it evicts from then on",
        [] { REQUIRE(evicts(registered_and_mapped())); }},
    Row{"hsaKmtMapMemoryToGPUNodes", "the same; a node that is no device is an error",
        [] {
          char* memory = zeroed_memory(kBytes);
          REQUIRE_THUNK(hsaKmtRegisterMemory(memory, kBytes));
          HSAuint64 device_address = 0;
          std::array<HSAuint32, kDevices> both{kGpuNode, kGpuNode + 1};
          REQUIRE_THUNK(hsaKmtMapMemoryToGPUNodes(memory, kBytes, &device_address, HsaMemMapFlags{},
                                                  both.size(), both.data()));
          REQUIRE_HIP(hipSetDevice(1));
          add(reinterpret_cast<std::uint64_t*>(device_address), 4);
          REQUIRE(*reinterpret_cast<std::uint64_t*>(memory) == 4);
          HSAuint32 cpu = 0;
          REQUIRE(hsaKmtMapMemoryToGPUNodes(memory, kBytes, &device_address, HsaMemMapFlags{}, 1,
                                            &cpu) == HSAKMT_STATUS_INVALID_NODE_UNIT);
        },
        "the nodes not named reach the memory, too: devices share one page table",
        [] {
          char* memory = zeroed_memory(kBytes);
          REQUIRE_THUNK(hsaKmtRegisterMemory(memory, kBytes));
          HSAuint64 device_address = 0;
          HSAuint32 first = kGpuNode;
          REQUIRE_THUNK(hsaKmtMapMemoryToGPUNodes(memory, kBytes, &device_address, HsaMemMapFlags{},
                                                  1, &first));
          REQUIRE_HIP(hipSetDevice(1));
          add(reinterpret_cast<std::uint64_t*>(device_address), 4);
          REQUIRE(*reinterpret_cast<std::uint64_t*>(memory) == 4);
        }},
    Row{"hsaKmtUnmapMemoryToGPU", "the memory evicts no more, and can be mapped again",
        [] {
          std::uint64_t* memory = registered_and_mapped();
          REQUIRE_THUNK(hsaKmtUnmapMemoryToGPU(memory));
          REQUIRE(!evicts(memory));
          REQUIRE_THUNK(hsaKmtMapMemoryToGPU(memory, kBytes, nullptr));
          REQUIRE(evicts(memory));
        }},
    Row{"hsaKmtSVMSetAttr",
        "access and access in place open memory, prefetch moves it, preferred location, "
        "granularity "
        "and GPU_ALWAYS_MAPPED are kept",
        [] {
          DriverLog log;
          char* memory = zeroed_memory(kBytes);
          REQUIRE_THUNK(set(memory, HSA_SVM_ATTR_ACCESS_IN_PLACE, kGpuNode));
          add(reinterpret_cast<std::uint64_t*>(memory), 6);
          REQUIRE(*reinterpret_cast<std::uint64_t*>(memory) == 6);
          REQUIRE_THUNK(set(memory, HSA_SVM_ATTR_PREFETCH_LOC, kGpuNode));
          REQUIRE(log.count("6", " 0 0") == 1);
          REQUIRE(*reinterpret_cast<std::uint64_t*>(memory) == 6);
          REQUIRE_THUNK(set(memory, HSA_SVM_ATTR_PREFERRED_LOC, kGpuNode, kPage));
          REQUIRE_THUNK(set(memory, HSA_SVM_ATTR_GRANULARITY, 0));
          REQUIRE_THUNK(set(memory, HSA_SVM_ATTR_SET_FLAGS, 0x40));
          REQUIRE(get(memory, HSA_SVM_ATTR_GRANULARITY) == 0);
        },
        "the other flags, granularity above 2 MiB, access or GPU_ALWAYS_MAPPED of a part of a "
        "range: HSAKMT_STATUS_NOT_SUPPORTED",
        [] {
          char* memory = zeroed_memory(kBytes);
          REQUIRE_THUNK(set(memory, HSA_SVM_ATTR_ACCESS, kGpuNode));
          REQUIRE(set(memory, HSA_SVM_ATTR_SET_FLAGS, HSA_SVM_FLAG_GPU_RO) ==
                  HSAKMT_STATUS_NOT_SUPPORTED);
          REQUIRE(set(memory, HSA_SVM_ATTR_GRANULARITY, 10) == HSAKMT_STATUS_NOT_SUPPORTED);
          REQUIRE(set(memory, HSA_SVM_ATTR_ACCESS, kGpuNode, kPage) == HSAKMT_STATUS_NOT_SUPPORTED);
          REQUIRE(set(memory, HSA_SVM_ATTR_SET_FLAGS, 0x40, kPage) == HSAKMT_STATUS_NOT_SUPPORTED);
        }},
    Row{"hsaKmtSVMGetAttr", "what was set, KFD's defaults, and `undefined` where pages differ",
        [] {
          char* memory = zeroed_memory(kBytes);
          REQUIRE(get(memory, HSA_SVM_ATTR_GRANULARITY) == 9);
          REQUIRE(get(memory, HSA_SVM_ATTR_SET_FLAGS) == 3);
          REQUIRE(get(memory, HSA_SVM_ATTR_PREFERRED_LOC) == INVALID_NODEID);
          REQUIRE_THUNK(set(memory, HSA_SVM_ATTR_PREFERRED_LOC, kGpuNode));
          REQUIRE(get(memory, HSA_SVM_ATTR_PREFERRED_LOC) == kGpuNode);
          REQUIRE_THUNK(set(memory, HSA_SVM_ATTR_PREFERRED_LOC, 0, kPage));
          REQUIRE(get(memory, HSA_SVM_ATTR_PREFERRED_LOC) == INVALID_NODEID);
          HSA_SVM_ATTRIBUTE access{HSA_SVM_ATTR_ACCESS, kGpuNode};
          REQUIRE_THUNK(hsaKmtSVMGetAttr(memory, kBytes, 1, &access));
          REQUIRE(access.type == HSA_SVM_ATTR_NO_ACCESS);
        }},
};

}  // namespace

std::span<const Row> thunk_memory_rows() { return kRows; }

}  // namespace softgpu_test::support
