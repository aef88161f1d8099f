// SPDX-License-Identifier: MIT
#include "bench/speed_kernels.hpp"

#include <hip/hip_runtime.h>

#include <algorithm>

#include "device_primitives.hpp"

namespace notifier {
namespace {

/// Each loop is a function of its own, so that none has fewer registers for the values of others.
template <typename Visit>
[[gnu::noinline]] void time_sweeps(std::uint64_t& least, Visit visit) {
  const std::uint64_t begin = device::clock_ticks();
  for (std::uint64_t sweep = 0; sweep < kSweepsPerTime; ++sweep) {
    for (std::uint64_t word = 0; word < kAccessWords; ++word) {
      visit(word);
    }
  }
  least = std::min(least, device::clock_ticks() - begin);
}

std::uint64_t plain_load(const std::uint64_t* word) {
  return __atomic_load_n(word, __ATOMIC_RELAXED);
}
void plain_store(std::uint64_t* word, std::uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

__global__ void access_kernel(AccessArguments arguments) {
  std::uint64_t* const words = arguments.words;
  auto* const plain = reinterpret_cast<std::uint64_t*>(arguments.host_words);
  AccessTicks least{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
  for (std::uint64_t time = 0; time < arguments.times; ++time) {
    time_sweeps(least.device, [words](std::uint64_t word) {
      device::store(words + word, device::load(words + word) + 1);
    });
    time_sweeps(least.plain, [plain](std::uint64_t word) {
      plain_store(plain + word, plain_load(plain + word) + 1);
    });
    time_sweeps(least.device_read_back, [words](std::uint64_t word) {
      device::store(words + word, word);
      device::load_waited(words + word);
    });
    time_sweeps(least.plain_read_back, [plain](std::uint64_t word) {
      plain_store(plain + word, word);
      device::detail::wait_for_value(plain_load(plain + word));
    });
  }
  device::store(&arguments.ticks->device, least.device);
  device::store(&arguments.ticks->plain, least.plain);
  device::store(&arguments.ticks->device_read_back, least.device_read_back);
  device::store(&arguments.ticks->plain_read_back, least.plain_read_back);
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

__global__ void timed_job_kernel(TimedJobArguments arguments) {
  const std::uint64_t begin = device::clock_ticks();
  device::store(arguments.started, 1);
  while (device::clock_ticks() - begin < arguments.ticks) {
    device::store(arguments.word, device::load(arguments.word) + 1);
  }
}

NOTIFIER_KERNEL(access_kernel, AccessArguments)
NOTIFIER_KERNEL(sweep_kernel, SweepArguments)
NOTIFIER_KERNEL(timed_job_kernel, TimedJobArguments)

}  // namespace

const void* access_kernel_address() { return reinterpret_cast<const void*>(&access_kernel); }
const void* sweep_kernel_address() { return reinterpret_cast<const void*>(&sweep_kernel); }
const void* timed_job_kernel_address() { return reinterpret_cast<const void*>(&timed_job_kernel); }

}  // namespace notifier
