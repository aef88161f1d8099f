// SPDX-License-Identifier: MIT
// The device's copy and fill operations: kernels of the device's own that run on one wave and reach
// memory through its translations, so that they stop and fault like any other kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "softgpu/core/queue.hpp"

namespace softgpu {

/// One end of a copy. A host end is memory that the device does not know; the wave, being a CPU
/// thread, reaches it directly.
struct CopyEnd {
  std::uintptr_t address = 0;
  bool on_device = false;
};

Operation make_copy(std::string name, CopyEnd destination, CopyEnd source, std::size_t size_bytes);
Operation make_fill(std::string name, CopyEnd destination, unsigned char value,
                    std::size_t size_bytes);

}  // namespace softgpu
