// SPDX-License-Identifier: MIT
#include "softgpu/core/vram_pool.hpp"

#include <sys/mman.h>

#include "softgpu/core/address_space.hpp"
#include "softgpu/core/report.hpp"

namespace softgpu {

VramPool::VramPool(std::size_t size_bytes)
    : size_bytes_(size_bytes),
      // Shared, so that fork neither copies nor write-protects it: device memory has no such thing.
      host_begin_(map_pages(size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE)),
      device_begin_(reserve_addresses(size_bytes)) {
  if (host_begin_ == 0 || device_begin_ == 0) {
    fail("no address space for %zu bytes of device memory (SOFTGPU_VRAM)", size_bytes_);
  }
}

std::optional<std::uintptr_t> VramPool::take(std::size_t size_bytes) {
  std::uintptr_t offset = 0;
  for (const auto& [used_offset, used_size] : used_) {
    if (used_offset - offset >= size_bytes) {
      break;
    }
    offset = used_offset + used_size;
  }
  if (size_bytes_ - offset < size_bytes) {
    return std::nullopt;
  }
  used_.emplace(offset, size_bytes);
  return offset;
}

std::size_t VramPool::free_bytes() const {
  std::size_t used = 0;
  for (const auto& [offset, size] : used_) {
    used += size;
  }
  return size_bytes_ - used;
}

}  // namespace softgpu
