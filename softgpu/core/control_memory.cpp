// SPDX-License-Identifier: MIT
#include "softgpu/core/control_memory.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "softgpu/core/range.hpp"
#include "softgpu/core/report.hpp"

namespace softgpu {

void* control_memory(std::size_t size_bytes) {
  const std::size_t size = page_ceil(size_bytes);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED || madvise(memory, size, MADV_DONTFORK) != 0) {
    fail("no memory for the device's own state (%zu bytes): %s", size, std::strerror(errno));
  }
  return memory;
}

}  // namespace softgpu
