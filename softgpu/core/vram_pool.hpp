// SPDX-License-Identifier: MIT
// The memory of one device: handed out first fit, in whole pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace softgpu {

/// No function but the constructor allocates: pages are given back while threads are held.
class VramPool {
 public:
  /// Fails the process when there is no address space for it.
  explicit VramPool(std::size_t size_bytes);

  /// Offset of `size_bytes` (whole pages); nothing when no gap is that large.
  std::optional<std::uintptr_t> take(std::size_t size_bytes);
  void give_back(std::uintptr_t offset, std::size_t size_bytes);

  bool contains(std::uintptr_t device_address) const {
    return device_address - device_begin_ < size_bytes_;
  }
  bool contains_host(std::uintptr_t host_address) const {
    return host_address - host_begin_ < size_bytes_;
  }
  std::size_t size_bytes() const { return size_bytes_; }
  std::size_t free_bytes();
  std::size_t largest_gap_bytes();
  std::uintptr_t host_begin() const { return host_begin_; }
  std::uintptr_t device_begin() const { return device_begin_; }

 private:
  bool is_used(std::size_t page) const { return (used_[page / 64] >> (page % 64) & 1) != 0; }
  template <typename Visit>
  void for_each_gap(Visit&& visit) const;

  std::size_t size_bytes_;
  std::uintptr_t host_begin_;        // the pool as the CPU writes it
  std::uintptr_t device_begin_;      // as kernels name it; not accessible to the CPU
  std::mutex lock_;                  // leaf
  std::vector<std::uint64_t> used_;  // one bit a page
  std::size_t free_pages_;
};

}  // namespace softgpu
