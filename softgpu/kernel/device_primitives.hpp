// SPDX-License-Identifier: MIT
// The device primitives of kernels/README.md for the software GPU. Pointers are device addresses:
// they are only ever dereferenced through the software MMU.
#pragma once

#include <cstdint>

#include "kernel_registration.hpp"
#include "wave_context.hpp"

namespace notifier::device {

inline std::uint32_t wave_index() { return softgpu::running_wave().wave_index; }
inline std::uint32_t wave_count() { return softgpu::running_wave().wave_count; }
inline std::uint32_t lane_index() { return 0; }
inline std::uint32_t lanes_per_wave() { return 1; }

namespace detail {

template <int kOrder>
inline std::uint64_t load_ordered(const std::uint64_t* pointer) {
  softgpu::WaveContext& wave = softgpu::running_wave();
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  const std::uintptr_t delta = wave.recent.delta;  // see store()
  const std::uintptr_t offset = address + wave.minus_device_begin;
  if (offset < wave.load_limit.load(std::memory_order_relaxed)) [[likely]] {
    return __atomic_load_n(reinterpret_cast<const std::uint64_t*>(address + delta), kOrder);
  }
  return softgpu::slow_load(wave, address);  // acquires
}

inline void wait_for_value(std::uint64_t value) {
#if defined(__x86_64__)
  // Intel SDM vol. 2, LFENCE: no later instruction starts before the load has its value.
  __asm__ volatile("lfence" ::"r"(value) : "memory");
#elif defined(__aarch64__)
  __asm__ volatile("dsb ld\n\tisb" ::"r"(value) : "memory");
#else
#error "wait_for_value is not written for this CPU"
#endif
}

}  // namespace detail

inline std::uint64_t load(const std::uint64_t* pointer) {
  return detail::load_ordered<__ATOMIC_RELAXED>(pointer);
}

inline std::uint64_t load_acquire(const std::uint64_t* pointer) {
  return detail::load_ordered<__ATOMIC_ACQUIRE>(pointer);
}

inline std::uint64_t load_waited(const std::uint64_t* pointer) {
  const std::uint64_t value = detail::load_ordered<__ATOMIC_RELAXED>(pointer);
  detail::wait_for_value(value);
  return value;
}

/// All of the translation is read before the check: the compiler then keeps it from a load to the
/// store that follows.
inline void store(std::uint64_t* pointer, std::uint64_t value) {
  softgpu::WaveContext& wave = softgpu::running_wave();
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  const std::uintptr_t delta = wave.recent.delta;
  const std::uintptr_t offset = address + wave.minus_device_begin;
  if (offset < wave.store_limit.load(std::memory_order_relaxed)) [[likely]] {
    __atomic_store_n(reinterpret_cast<std::uint64_t*>(address + delta), value, __ATOMIC_RELAXED);
    return;
  }
  softgpu::slow_store(wave, address, value);
}

inline std::uint64_t clock_ticks() { return softgpu::wave_clock_ticks(softgpu::running_wave()); }

/// Registers and local memory of a wave are its thread's own stack. Nothing has to save them; the
/// wave knows them for the faults that are planted there.
inline void hold(std::uint64_t& value) { __asm__ volatile("" : "+m"(value)); }

template <std::uint64_t word_count>
inline void held_from_here_on(std::uint64_t (&words)[word_count]) {
  softgpu::running_wave().held_registers = {words, word_count};
}

inline std::uint64_t load_local(const std::uint64_t* word) {
  return __atomic_load_n(word, __ATOMIC_RELAXED);
}
inline void store_local(std::uint64_t* word, std::uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

template <std::uint64_t word_count>
class LocalMemory {
 public:
  LocalMemory() { softgpu::running_wave().held_local = {words_, word_count}; }
  std::uint64_t* words() { return words_; }

 private:
  std::uint64_t words_[word_count];
};

}  // namespace notifier::device

/// At namespace scope, after the kernel `void function(Arguments)`.
#define NOTIFIER_KERNEL(function, Arguments) NOTIFIER_KERNEL_THAT_HOLDS(function, Arguments, 0, 0)

/// The same for one whose waves have registers and bytes of local memory to be saved.
#define NOTIFIER_KERNEL_THAT_HOLDS(function, Arguments, registers, local_bytes)           \
  namespace {                                                                             \
  const ::softgpu::KernelRegistration function##_registration(                            \
      #function, reinterpret_cast<const void*>(function), sizeof(Arguments),              \
      [](const void* arguments) { function(*static_cast<const Arguments*>(arguments)); }, \
      {registers, local_bytes});                                                          \
  }
