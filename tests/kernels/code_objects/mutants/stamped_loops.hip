// SPDX-License-Identifier: MIT
// Small loops that stamp the clock, one right and three wrong, for the checker of the code objects.
#include <hip/hip_runtime.h>

#include <cstdint>

#include "device_primitives.hpp"

using notifier::device::clock_ticks;
using notifier::device::load;
using notifier::device::load_waited;
using notifier::device::store;

struct Loop {
  std::uint64_t* data;
  std::uint64_t* mismatches;
  std::uint64_t* stamps;
  std::uint64_t count;
};

__device__ __forceinline__ void report(const Loop& loop, std::uint64_t mismatches,
                                       std::uint64_t stamps) {
  store(&loop.mismatches[threadIdx.x], mismatches);
  store(&loop.stamps[threadIdx.x], stamps);
}

extern "C" __global__ void loop_as_it_should_be(Loop loop) {
  std::uint64_t mismatches = 0;
  std::uint64_t stamps = 0;
  for (std::uint64_t i = threadIdx.x; i < loop.count; i += blockDim.x) {
    store(&loop.data[i], i);
    mismatches += load_waited(&loop.data[i]) != i ? 1 : 0;
    stamps += clock_ticks();
  }
  report(loop, mismatches, stamps);
}

extern "C" __global__ void loop_that_waits_after_the_stamp(Loop loop) {
  std::uint64_t mismatches = 0;
  std::uint64_t stamps = 0;
  for (std::uint64_t i = threadIdx.x; i < loop.count; i += blockDim.x) {
    store(&loop.data[i], i);
    const std::uint64_t read_back = load(&loop.data[i]);
    stamps += clock_ticks();
    mismatches += read_back != i ? 1 : 0;
  }
  report(loop, mismatches, stamps);
}

extern "C" __global__ void loop_that_does_not_read_back(Loop loop) {
  std::uint64_t stamps = 0;
  for (std::uint64_t i = threadIdx.x; i < loop.count; i += blockDim.x) {
    store(&loop.data[i], i);
    stamps += clock_ticks();
  }
  report(loop, 0, stamps);
}

extern "C" __global__ void loop_that_reads_back_on_one_path(Loop loop) {
  std::uint64_t mismatches = 0;
  std::uint64_t stamps = 0;
  for (std::uint64_t i = threadIdx.x; i < loop.count; i += blockDim.x) {
    store(&loop.data[i], i);
    if (i % 3 == 0) {
      mismatches += load_waited(&loop.data[i]) != i ? 1 : 0;
    }
    stamps += clock_ticks();
  }
  report(loop, mismatches, stamps);
}
