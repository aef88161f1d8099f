// SPDX-License-Identifier: MIT
// The thunk's functions for the program's own memory: userptr BOs as ROCm 5.2.3 makes them,
// whatever HSA_USE_SVM says (kfd_facts §1).
#include <algorithm>

#include "softgpu/api/hsakmt_call.hpp"

using namespace softgpu;  // the entry points below are in no namespace
using namespace softgpu::api;

namespace {

HSAKMT_STATUS map(void* pointer, HSAuint64* device_address) {
  const std::uintptr_t address = address_of(pointer);
  Memory& memory = device().memory();
  const MemoryError error = memory.map_registered(address);
  if (error == MemoryError::kNone && device_address != nullptr) {
    *device_address = memory.find(address)->device_pointer;
  }
  return to_status(error);
}

}  // namespace

extern "C" {

HSAKMT_STATUS HSAKMTAPI hsaKmtRegisterMemory(void* MemoryAddress, HSAuint64 MemorySizeInBytes) {
  return thunk_call([=] {
    return to_status(
        device().memory().register_unmapped(address_of(MemoryAddress), MemorySizeInBytes));
  });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtRegisterMemoryWithFlags(void* MemoryAddress,
                                                      HSAuint64 MemorySizeInBytes,
                                                      HsaMemFlags MemFlags) {
  // As ROCT src/memory.c: only ordinary paged host memory.
  if (MemFlags.ui32.HostAccess != 1 || MemFlags.ui32.NonPaged == 1) {
    return HSAKMT_STATUS_NOT_SUPPORTED;
  }
  return hsaKmtRegisterMemory(MemoryAddress, MemorySizeInBytes);
}

HSAKMT_STATUS HSAKMTAPI hsaKmtDeregisterMemory(void* MemoryAddress) {
  return thunk_call(
      [=] { return to_status(device().memory().unregister_host(address_of(MemoryAddress))); });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtMapMemoryToGPU(void* MemoryAddress, HSAuint64,
                                             HSAuint64* AlternateVAGPU) {
  return thunk_call([=] { return map(MemoryAddress, AlternateVAGPU); });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtMapMemoryToGPUNodes(void* MemoryAddress, HSAuint64,
                                                  HSAuint64* AlternateVAGPU, HsaMemMapFlags,
                                                  HSAuint64 NumberOfNodes, HSAuint32* NodeArray) {
  return thunk_call([=] {
    if (NumberOfNodes == 0 || NodeArray == nullptr ||
        !std::all_of(NodeArray, NodeArray + NumberOfNodes, is_gpu)) {
      return HSAKMT_STATUS_INVALID_NODE_UNIT;
    }
    return map(MemoryAddress, AlternateVAGPU);
  });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtUnmapMemoryToGPU(void* MemoryAddress) {
  return thunk_call(
      [=] { return to_status(device().memory().unmap_registered(address_of(MemoryAddress))); });
}

}  // extern "C"
