// SPDX-License-Identifier: MIT
// A kernel that adds one to a word until it is told to stop: small enough for an emulated vCPU.
#pragma once

#include <hip/hip_runtime.h>

#include <cstdint>

namespace softgpu_test {

struct CounterBoard {
  std::uint64_t stop;
  std::uint64_t rounds;
  std::uint64_t clock_ticks;  // device clock of the last round
  std::uint64_t wave_count;
};

struct CounterArguments {
  std::uint64_t* word;
  CounterBoard* board;
};

/// For hipLaunchKernel.
const void* counter_function();

}  // namespace softgpu_test
