// SPDX-License-Identifier: MIT
#pragma once

#include "device_primitives.hpp"
#include "tests/kernels/dropin/probe_kernel.hpp"

namespace notifier::testing {

// NOLINTNEXTLINE(misc-definitions-in-headers): a kernel cannot be inline, and each library has one.
__global__ void count_kernel(ProbeArguments arguments) {
  std::uint64_t* const count = arguments.counts + device::wave_index();
  device::store(count, device::load(count) + arguments.step * (device::wave_index() + 1));
}

}  // namespace notifier::testing
