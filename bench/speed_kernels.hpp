// SPDX-License-Identifier: MIT
// Kernels of softgpu_speed.
#pragma once

#include <hip/hip_runtime_api.h>

#include <cstdint>

namespace notifier {

/// Times of kSweepsPerTime sweeps of the words, in ticks of the device's clock; the least of all
/// times, since what others take of the CPU is no part of an access.
struct AccessTicks {
  std::uint64_t device;            // a load and a store of each word through the MMU
  std::uint64_t plain;             // the same with plain relaxed atomics
  std::uint64_t device_read_back;  // as the workload: a store, and a load that is waited for
  std::uint64_t plain_read_back;
};

struct AccessArguments {
  std::uint64_t* words;      // kAccessWords as the device names them
  std::uint64_t host_words;  // the same as the CPU names them
  std::uint64_t times;       // measured of each kind, in turn
  AccessTicks* ticks;        // out
};

struct SweepArguments {
  std::uint64_t* words;
  std::uint64_t word_count;
  std::uint64_t* stop;
  std::uint64_t* passes;  // one per wave
};

/// A finite job of known length.
struct TimedJobArguments {
  std::uint64_t* word;
  std::uint64_t* started;  // out: becomes 1
  std::uint64_t ticks;     // from then until its end
};

inline constexpr std::uint64_t kAccessWords = 512;
// Some ten microseconds: mostly not interrupted, and a clock read is little beside it.
inline constexpr std::uint64_t kSweepsPerTime = 16;

const void* access_kernel_address();
const void* sweep_kernel_address();
const void* timed_job_kernel_address();

}  // namespace notifier
