// SPDX-License-Identifier: MIT
// What the thunk's entry points share.
#pragma once

#include <hsakmt.h>

#include <cstdint>

#include "softgpu/core/device.hpp"
#include "softgpu/core/memory.hpp"

namespace softgpu::api {

/// Runs body() with the device started.
template <typename Body>
HSAKMT_STATUS thunk_call(Body&& body) {
  return start_device().empty() ? body() : HSAKMT_STATUS_KERNEL_IO_CHANNEL_NOT_OPENED;
}

inline HSAKMT_STATUS to_status(MemoryError error) {
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
    case MemoryError::kPartOfRange:
      return HSAKMT_STATUS_NOT_SUPPORTED;
  }
  return HSAKMT_STATUS_ERROR;
}

inline std::uintptr_t address_of(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

/// Node 0 is the CPU, the others are the devices in order.
inline constexpr HSAuint32 kCpuNode = 0;
inline constexpr HSAuint32 kFirstGpuNode = 1;
inline HSAuint32 nodes() { return kFirstGpuNode + device().settings().devices; }
inline bool is_gpu(HSAuint32 node) { return node >= kFirstGpuNode && node < nodes(); }

}  // namespace softgpu::api
