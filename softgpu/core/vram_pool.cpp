// SPDX-License-Identifier: MIT
#include "softgpu/core/vram_pool.hpp"

#include <sys/mman.h>

#include <algorithm>

#include "softgpu/core/address_space.hpp"
#include "softgpu/core/report.hpp"

namespace softgpu {

VramPool::VramPool(std::size_t size_bytes)
    : size_bytes_(size_bytes),
      // Shared, so that fork neither copies nor write-protects it: device memory has no such thing.
      host_begin_(map_pages(size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE)),
      device_begin_(reserve_addresses(size_bytes)),
      used_((size_bytes / kPageSize + 63) / 64),
      free_pages_(size_bytes / kPageSize) {
  if (host_begin_ == 0 || device_begin_ == 0) {
    fail("no address space for %zu bytes of device memory (SOFTGPU_VRAM)", size_bytes_);
  }
}

/// Visits the first page and the length of each gap until visit() returns true.
template <typename Visit>
void VramPool::for_each_gap(Visit&& visit) const {
  const std::size_t pages = size_bytes_ / kPageSize;
  for (std::size_t page = 0; page < pages;) {
    if (page % 64 == 0 && used_[page / 64] == UINT64_MAX) {
      page += 64;
      continue;
    }
    const std::size_t first = page;
    while (page < pages && !is_used(page)) {
      page += page % 64 == 0 && used_[page / 64] == 0 ? std::min<std::size_t>(64, pages - page) : 1;
    }
    if (page > first && visit(first, page - first)) {
      return;
    }
    page += page == first ? 1 : 0;
  }
}

std::optional<std::uintptr_t> VramPool::take(std::size_t size_bytes) {
  const std::size_t wanted = size_bytes / kPageSize;
  const std::lock_guard lock(lock_);
  std::optional<std::size_t> found;
  for_each_gap([&](std::size_t first, std::size_t pages) {
    if (pages >= wanted) {
      found = first;
    }
    return found.has_value();
  });
  if (!found) {
    return std::nullopt;
  }
  for (std::size_t page = *found; page < *found + wanted; ++page) {
    used_[page / 64] |= 1ull << (page % 64);
  }
  free_pages_ -= wanted;
  return *found * kPageSize;
}

void VramPool::give_back(std::uintptr_t offset, std::size_t size_bytes) {
  const std::size_t first = offset / kPageSize;
  const std::size_t pages = size_bytes / kPageSize;
  const std::lock_guard lock(lock_);
  for (std::size_t page = first; page < first + pages; ++page) {
    used_[page / 64] &= ~(1ull << (page % 64));
  }
  free_pages_ += pages;
}

std::size_t VramPool::free_bytes() {
  const std::lock_guard lock(lock_);
  return free_pages_ * kPageSize;
}

std::size_t VramPool::largest_gap_bytes() {
  const std::lock_guard lock(lock_);
  std::size_t largest = 0;
  for_each_gap([&](std::size_t, std::size_t pages) {
    largest = std::max(largest, pages);
    return false;
  });
  return largest * kPageSize;
}

}  // namespace softgpu
