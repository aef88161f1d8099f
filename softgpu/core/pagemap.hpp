// SPDX-License-Identifier: MIT
// Page frame numbers of the process's own pages (/proc/self/pagemap).
#pragma once

#include <cstddef>
#include <cstdint>

namespace softgpu {

class Pagemap {
 public:
  // Kernel Documentation/admin-guide/mm/pagemap.rst.
  static constexpr std::uint64_t kPresent = 1ull << 63;
  static constexpr std::uint64_t kFrameMask = (1ull << 55) - 1;

  Pagemap();

  /// Whether the kernel shows frame numbers: it needs CAP_SYS_ADMIN.
  bool frames_visible() const { return frames_visible_; }

  /// One entry per page from `address` on. False when the kernel's answer is short.
  bool read(std::uintptr_t address, std::size_t pages, std::uint64_t* entries) const;

 private:
  int descriptor_;
  bool frames_visible_ = false;
};

}  // namespace softgpu
