// SPDX-License-Identifier: MIT
// A kernel that softgpu's own library of kernels does not have.
#pragma once

#include <hip/hip_runtime.h>

#include <cstdint>

namespace notifier::testing {

struct ProbeArguments {
  std::uint64_t* counts;  // one per wave
  std::uint64_t step;
};

/// count_kernel<<<waves, 1, 0, stream>>>(arguments), then hipGetLastError().
hipError_t launch_count_kernel(const ProbeArguments& arguments, std::uint32_t waves,
                               hipStream_t stream);

}  // namespace notifier::testing
