// SPDX-License-Identifier: MIT
// Kernels of softgpu_speed.
#pragma once

#include <hip/hip_runtime_api.h>

#include <cstdint>

namespace notifier {

struct AccessArguments {
  std::uint64_t* words;         // 512 words as the device names them
  std::uint64_t host_words;     // the same as the CPU names them
  std::uint64_t times;          // measured of each kind, in turn
  std::uint64_t* device_ticks;  // out: least time of kSweepsPerTime sweeps through the MMU
  std::uint64_t* plain_ticks;   // out: the same with plain relaxed atomics
};

struct SweepArguments {
  std::uint64_t* words;
  std::uint64_t word_count;
  std::uint64_t* stop;
  std::uint64_t* passes;  // one per wave
};

inline constexpr std::uint64_t kAccessWords = 512;
// Some ten microseconds: mostly not interrupted, and a clock read is little beside it.
inline constexpr std::uint64_t kSweepsPerTime = 16;

const void* access_kernel_address();
const void* sweep_kernel_address();

}  // namespace notifier
