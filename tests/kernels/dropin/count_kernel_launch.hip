// SPDX-License-Identifier: MIT
// For hipcc only: a launch with brackets pushes and pops its configuration.
#include "tests/kernels/dropin/count_kernel.hpp"

namespace notifier::testing {

hipError_t launch_count_kernel(const ProbeArguments& arguments, std::uint32_t waves,
                               hipStream_t stream) {
  count_kernel<<<dim3(waves), dim3(1), 0, stream>>>(arguments);
  return hipGetLastError();
}

}  // namespace notifier::testing
