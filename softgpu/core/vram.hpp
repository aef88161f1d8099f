// SPDX-License-Identifier: MIT
// The memory of all devices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "softgpu/core/vram_pool.hpp"

namespace softgpu {

class Vram {
 public:
  Vram(std::size_t bytes_each, std::uint32_t devices) {
    for (std::uint32_t device = 0; device < devices; ++device) {
      pools_.emplace_back(bytes_each);
    }
  }

  VramPool& pool(std::uint32_t device) { return pools_[device]; }
  std::uint32_t devices() const { return static_cast<std::uint32_t>(pools_.size()); }
  std::size_t bytes_each() const { return pools_.front().size_bytes(); }

  /// Whose memory an address is that lies in some pool.
  std::uint32_t device_at(std::uintptr_t device_address) const {
    return find([=](const VramPool& pool) { return pool.contains(device_address); });
  }
  std::uint32_t device_at_host(std::uintptr_t host_address) const {
    return find([=](const VramPool& pool) { return pool.contains_host(host_address); });
  }

 private:
  template <typename Predicate>
  std::uint32_t find(Predicate&& holds) const {
    return static_cast<std::uint32_t>(std::find_if(pools_.begin(), pools_.end(), holds) -
                                      pools_.begin());
  }

  std::deque<VramPool> pools_;  // by device; neither moved nor added to later
};

}  // namespace softgpu
