// SPDX-License-Identifier: MIT
// The memory of one device: handed out first fit, in whole pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace softgpu {

class VramPool {
 public:
  /// Fails the process when there is no address space for it.
  explicit VramPool(std::size_t size_bytes);

  /// Offset of `size_bytes` (whole pages); nothing when no gap is that large.
  std::optional<std::uintptr_t> take(std::size_t size_bytes);
  void give_back(std::uintptr_t device_address) { used_.erase(device_address - device_begin_); }

  bool contains(std::uintptr_t device_address) const {
    return device_address - device_begin_ < size_bytes_;
  }
  std::size_t free_bytes() const;
  std::uintptr_t host_begin() const { return host_begin_; }
  std::uintptr_t device_begin() const { return device_begin_; }

 private:
  std::size_t size_bytes_;
  std::uintptr_t host_begin_;                   // the pool as the CPU writes it
  std::uintptr_t device_begin_;                 // as kernels name it; not accessible to the CPU
  std::map<std::uintptr_t, std::size_t> used_;  // offset and size
};

}  // namespace softgpu
