// SPDX-License-Identifier: MIT
#include "bench/speed_kernels.hpp"

#include <hip/hip_runtime.h>

#include <algorithm>

#include "device_primitives.hpp"

namespace notifier {
namespace {

template <typename Visit>
std::uint64_t time_sweeps(Visit&& visit) {
  const std::uint64_t begin = device::clock_ticks();
  for (std::uint64_t sweep = 0; sweep < kSweepsPerTime; ++sweep) {
    for (std::uint64_t word = 0; word < kAccessWords; ++word) {
      visit(word);
    }
  }
  return device::clock_ticks() - begin;
}

/// The least of all times: what others take of the CPU is no part of an access.
__global__ void access_kernel(AccessArguments arguments) {
  auto* plain = reinterpret_cast<std::uint64_t*>(arguments.host_words);
  std::uint64_t through_mmu = UINT64_MAX;
  std::uint64_t without = UINT64_MAX;
  for (std::uint64_t time = 0; time < arguments.times; ++time) {
    through_mmu =
        std::min(through_mmu, time_sweeps([&](std::uint64_t word) {
                   device::store(arguments.words + word, device::load(arguments.words + word) + 1);
                 }));
    without = std::min(without, time_sweeps([&](std::uint64_t word) {
                         __atomic_store_n(plain + word,
                                          __atomic_load_n(plain + word, __ATOMIC_RELAXED) + 1,
                                          __ATOMIC_RELAXED);
                       }));
  }
  device::store(arguments.device_ticks, through_mmu);
  device::store(arguments.plain_ticks, without);
}

__global__ void sweep_kernel(SweepArguments arguments) {
  std::uint64_t pass = 0;
  while (device::load_acquire(arguments.stop) == 0) {
    for (std::uint64_t word = 0; word < arguments.word_count; ++word) {
      device::store(arguments.words + word, device::load(arguments.words + word) + 1);
    }
    device::store(arguments.passes + device::wave_index(), ++pass);
  }
}

NOTIFIER_KERNEL(access_kernel, AccessArguments)
NOTIFIER_KERNEL(sweep_kernel, SweepArguments)

}  // namespace

const void* access_kernel_address() { return reinterpret_cast<const void*>(&access_kernel); }
const void* sweep_kernel_address() { return reinterpret_cast<const void*>(&sweep_kernel); }

}  // namespace notifier
