// SPDX-License-Identifier: MIT
// Pieces of the process's address space.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

#include "softgpu/core/range.hpp"

namespace softgpu {

/// 0 when there is no room.
inline std::uintptr_t map_pages(std::size_t size_bytes, int rights, int flags) {
  void* memory = mmap(nullptr, size_bytes, rights, MAP_ANONYMOUS | flags, -1, 0);
  return memory == MAP_FAILED ? 0 : reinterpret_cast<std::uintptr_t>(memory);
}

/// Addresses that nothing else in the process has: device addresses that are no CPU addresses.
inline std::uintptr_t reserve_addresses(std::size_t size_bytes) {
  return map_pages(size_bytes, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE);
}

inline void unmap_pages(std::uintptr_t begin, std::size_t size_bytes) {
  munmap(reinterpret_cast<void*>(begin), size_bytes);
}

inline bool size_is_valid(std::uintptr_t pointer, std::size_t size_bytes) {
  return size_bytes != 0 && size_bytes <= UINTPTR_MAX - kPageSize - pointer;
}

}  // namespace softgpu
