// SPDX-License-Identifier: MIT
// kernels/amd's primitives with one flaw: what is "read back" is not read. The checker of the code
// objects must find the workload kernel wrong when it is compiled with these.
#pragma once

#define load_waited load_waited_without_flaw
#include "kernels/amd/device_primitives.hpp"
#undef load_waited

namespace notifier::device {

__device__ inline std::uint64_t load_waited(const std::uint64_t*) {
  std::uint64_t value = 0;
#ifdef __HIP_DEVICE_COMPILE__
  asm volatile("" : "+v"(value) : : "memory");
#endif
  return value;
}

}  // namespace notifier::device
