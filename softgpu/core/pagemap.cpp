// SPDX-License-Identifier: MIT
#include "softgpu/core/pagemap.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "softgpu/core/range.hpp"

namespace softgpu {

Pagemap::Pagemap() : descriptor_(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)) {
  volatile char present_page = 0;  // this stack page is in memory
  present_page = 1;
  std::uint64_t entry = 0;
  frames_visible_ = read(reinterpret_cast<std::uintptr_t>(&present_page), 1, &entry) &&
                    (entry & kPresent) != 0 && (entry & kFrameMask) != 0;
}

bool Pagemap::read(std::uintptr_t address, std::size_t pages, std::uint64_t* entries) const {
  char* destination = reinterpret_cast<char*>(entries);
  std::size_t left = pages * sizeof(std::uint64_t);
  off_t offset = static_cast<off_t>((address >> kPageShift) * sizeof(std::uint64_t));
  while (left != 0) {
    const ssize_t got = pread(descriptor_, destination, left, offset);
    if (got <= 0) {
      return false;
    }
    destination += got;
    left -= static_cast<std::size_t>(got);
    offset += got;
  }
  return true;
}

}  // namespace softgpu
