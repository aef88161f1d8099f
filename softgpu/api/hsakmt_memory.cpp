// SPDX-License-Identifier: MIT
// The thunk's functions for the program's own memory: userptr BOs as ROCm 5.2.3 makes them,
// whatever HSA_USE_SVM says (kfd_facts §1), and SVM ranges by their attributes.
#include <hsakmt.h>

#include <algorithm>
#include <span>

#include "softgpu/core/device.hpp"
#include "softgpu/core/memory.hpp"

using namespace softgpu;  // the entry points below are in no namespace

namespace {

bool is_gpu(HSAuint32 node) { return node != 0 && node <= device().settings().devices; }

std::uintptr_t address_of(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

HSAKMT_STATUS to_status(MemoryError error) {
  switch (error) {
    case MemoryError::kNone:
      return HSAKMT_STATUS_SUCCESS;
    case MemoryError::kInvalid:
      return HSAKMT_STATUS_INVALID_PARAMETER;
    case MemoryError::kAlreadyRegistered:
      return HSAKMT_STATUS_MEMORY_ALREADY_REGISTERED;
    case MemoryError::kNotRegistered:
      return HSAKMT_STATUS_MEMORY_NOT_REGISTERED;
    case MemoryError::kNotMapped:
      return HSAKMT_STATUS_ERROR;
    case MemoryError::kOutOfMemory:
      return HSAKMT_STATUS_NO_MEMORY;
    case MemoryError::kCannotMigrate:
      return HSAKMT_STATUS_NOT_SUPPORTED;
  }
  return HSAKMT_STATUS_ERROR;
}

template <typename Body>
HSAKMT_STATUS call(Body&& body) {
  return start_device().empty() ? body() : HSAKMT_STATUS_KERNEL_IO_CHANNEL_NOT_OPENED;
}

HSAKMT_STATUS map(void* pointer, HSAuint64* device_address) {
  const std::uintptr_t address = address_of(pointer);
  Memory& memory = device().memory();
  const MemoryError error = memory.map_registered(RangeOrigin::kHostRegister, address);
  if (error == MemoryError::kNone && device_address != nullptr) {
    *device_address = memory.find(address)->device_pointer;
  }
  return to_status(error);
}

/// What the attributes ask for; attributes that say what is so anyway ask for nothing.
struct Wanted {
  bool access = false;
  bool no_access = false;
  bool supported = true;
};

Wanted read_attributes(std::span<const HSA_SVM_ATTRIBUTE> attributes) {
  constexpr HSAuint32 kUsualFlags = HSA_SVM_FLAG_HOST_ACCESS | HSA_SVM_FLAG_COHERENT;
  Wanted wanted;
  for (const HSA_SVM_ATTRIBUTE& attribute : attributes) {
    switch (attribute.type) {
      case HSA_SVM_ATTR_ACCESS:
      case HSA_SVM_ATTR_ACCESS_IN_PLACE:
        wanted.access = true;
        wanted.supported = wanted.supported && is_gpu(attribute.value);
        break;
      case HSA_SVM_ATTR_NO_ACCESS:
        wanted.no_access = true;
        wanted.supported = wanted.supported && is_gpu(attribute.value);
        break;
      case HSA_SVM_ATTR_PREFERRED_LOC:
        wanted.supported = wanted.supported && !is_gpu(attribute.value);
        break;
      case HSA_SVM_ATTR_SET_FLAGS:
        wanted.supported = wanted.supported && (attribute.value & ~kUsualFlags) == 0;
        break;
      case HSA_SVM_ATTR_CLR_FLAGS:
        wanted.supported = wanted.supported && (attribute.value & kUsualFlags) == 0;
        break;
      default:
        wanted.supported = false;  // migration and its granularity
    }
  }
  return wanted;
}

HSAKMT_STATUS set_attributes(void* start, HSAuint64 size_bytes, const Wanted& wanted) {
  Memory& memory = device().memory();
  const std::uintptr_t address = address_of(start);
  constexpr RangeOrigin kOrigin = RangeOrigin::kSvmAttributes;
  const MemoryError error = memory.register_unmapped(kOrigin, address, size_bytes);
  if (error == MemoryError::kAlreadyRegistered && !memory.is_whole(kOrigin, address, size_bytes)) {
    return HSAKMT_STATUS_NOT_SUPPORTED;  // attributes of a part would split the range
  }
  if (error != MemoryError::kNone && error != MemoryError::kAlreadyRegistered) {
    return to_status(error);
  }
  if (wanted.access) {
    return to_status(memory.map_registered(kOrigin, address));
  }
  return wanted.no_access ? to_status(memory.unmap_registered(kOrigin, address))
                          : HSAKMT_STATUS_SUCCESS;
}

}  // namespace

extern "C" {

HSAKMT_STATUS HSAKMTAPI hsaKmtRegisterMemory(void* MemoryAddress, HSAuint64 MemorySizeInBytes) {
  return call([=] {
    return to_status(device().memory().register_unmapped(
        RangeOrigin::kHostRegister, address_of(MemoryAddress), MemorySizeInBytes));
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
  return call(
      [=] { return to_status(device().memory().unregister_host(address_of(MemoryAddress))); });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtMapMemoryToGPU(void* MemoryAddress, HSAuint64,
                                             HSAuint64* AlternateVAGPU) {
  return call([=] { return map(MemoryAddress, AlternateVAGPU); });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtMapMemoryToGPUNodes(void* MemoryAddress, HSAuint64,
                                                  HSAuint64* AlternateVAGPU, HsaMemMapFlags,
                                                  HSAuint64 NumberOfNodes, HSAuint32* NodeArray) {
  return call([=] {
    if (NumberOfNodes == 0 || NodeArray == nullptr ||
        !std::all_of(NodeArray, NodeArray + NumberOfNodes, is_gpu)) {
      return HSAKMT_STATUS_INVALID_NODE_UNIT;
    }
    return map(MemoryAddress, AlternateVAGPU);
  });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtUnmapMemoryToGPU(void* MemoryAddress) {
  return call([=] {
    return to_status(
        device().memory().unmap_registered(RangeOrigin::kHostRegister, address_of(MemoryAddress)));
  });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtSVMSetAttr(void* start_addr, HSAuint64 size, unsigned int nattr,
                                         HSA_SVM_ATTRIBUTE* attrs) {
  return call([=] {
    // The checks of ROCT src/svm.c.
    if (start_addr == nullptr || size == 0 || (address_of(start_addr) | size) % kPageSize != 0 ||
        (nattr != 0 && attrs == nullptr)) {
      return HSAKMT_STATUS_INVALID_PARAMETER;
    }
    const Wanted wanted = read_attributes({attrs, nattr});
    const bool revoked = wanted.no_access && device().retry_faults();
    if (!wanted.supported || revoked || (wanted.access && wanted.no_access)) {
      return HSAKMT_STATUS_NOT_SUPPORTED;
    }
    return set_attributes(start_addr, size, wanted);
  });
}

}  // extern "C"
