// SPDX-License-Identifier: MIT
// The device primitives (kernels/README.md) on AMD GPUs. A wave is one block of one hardware wave.
#pragma once

#include <hip/hip_runtime.h>

#include <cstdint>

#include "device_clock.hpp"

namespace notifier::device {

__device__ inline std::uint32_t wave_index() { return blockIdx.x; }
__device__ inline std::uint32_t lane_index() { return threadIdx.x; }
__device__ inline std::uint32_t lanes_per_wave() { return blockDim.x; }
__device__ inline std::uint32_t wave_count() { return gridDim.x; }

__device__ inline std::uint64_t load(const std::uint64_t* pointer) {
  return __hip_atomic_load(pointer, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
}

__device__ inline void store(std::uint64_t* pointer, std::uint64_t value) {
  __hip_atomic_store(pointer, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
}

// readfirstlane tells the compiler what the contract says: one value for the whole wave. Without it
// each lane would branch on a value of its own.
__device__ inline std::uint64_t uniform(std::uint64_t value) {
#ifdef __HIP_DEVICE_COMPILE__
  const auto low = static_cast<std::uint32_t>(
      __builtin_amdgcn_readfirstlane(static_cast<int>(value & 0xFFFFFFFFu)));
  const auto high =
      static_cast<std::uint32_t>(__builtin_amdgcn_readfirstlane(static_cast<int>(value >> 32)));
  return (static_cast<std::uint64_t>(high) << 32) | low;
#else
  return value;
#endif
}

__device__ inline std::uint64_t load_acquire(const std::uint64_t* pointer) {
  return uniform(__hip_atomic_load(pointer, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM));
}

// The empty statement uses the loaded register, so the compiler must put the wait for the load
// before it, whatever that wait is called on this architecture; and it is volatile, so the clock
// read behind it stays behind it. tests/kernels checks the result in each code object.
__device__ inline std::uint64_t load_waited(const std::uint64_t* pointer) {
  std::uint64_t value = load(pointer);
#ifdef __HIP_DEVICE_COMPILE__
  asm volatile("" : "+v"(value) : : "memory");
#endif
  return value;
}

// Makes the compiler keep `value` in vector registers here, and believe that it may have changed.
__device__ inline void hold(std::uint64_t& value) {
#ifdef __HIP_DEVICE_COMPILE__
  asm volatile("" : "+v"(value));
#else
  (void)value;
#endif
}

// The wave's registers are saved as they are: there is nothing to say.
template <std::uint64_t word_count>
__device__ inline void held_from_here_on(std::uint64_t (&)[word_count]) {}

// Relaxed atomics of one wave: neither folded nor kept in registers.
__device__ inline std::uint64_t load_local(const std::uint64_t* word) {
  return __hip_atomic_load(word, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_WAVEFRONT);
}
__device__ inline void store_local(std::uint64_t* word, std::uint64_t value) {
  __hip_atomic_store(word, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_WAVEFRONT);
}

template <std::uint64_t word_count>
class LocalMemory {
 public:
  __device__ __forceinline__ std::uint64_t* words() const {
    __shared__ std::uint64_t memory[word_count];
    return memory;
  }
};

}  // namespace notifier::device

// The HIP runtime learns of kernels from the code hipcc generates.
#define NOTIFIER_KERNEL(function, Arguments) \
  static_assert(sizeof(Arguments) > 0, "a kernel takes one struct by value")
#define NOTIFIER_KERNEL_THAT_HOLDS(function, Arguments, registers, local_bytes) \
  NOTIFIER_KERNEL(function, Arguments)
