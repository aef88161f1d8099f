// SPDX-License-Identifier: MIT
// The device primitives of kernels/README.md for a vCPU. Pointers are the process's own addresses,
// which the guest's page tables map. Nothing here or in a kernel may call out of the image.
#pragma once

#include <cstdint>

#include "guest_layout.hpp"

namespace notifier::device {

namespace detail {

template <typename Word, int kOffset>
inline Word own_word() {
  Word value;
  __asm__ volatile("mov %%gs:%c1, %0" : "=r"(value) : "i"(kOffset));
  return value;
}

}  // namespace detail

inline std::uint32_t wave_index() {
  return detail::own_word<std::uint32_t, offsetof(softgpu::kvm::VcpuData, wave_index)>();
}
inline std::uint32_t wave_count() {
  return detail::own_word<std::uint32_t, offsetof(softgpu::kvm::VcpuData, wave_count)>();
}
inline std::uint32_t lane_index() { return 0; }
inline std::uint32_t lanes_per_wave() { return 1; }

// Always the same registers: when KVM cannot serve an access it tells the instruction only, and the
// host reads the address from rsi (vcpu.cpp).
inline std::uint64_t load(const std::uint64_t* pointer) {
  std::uint64_t value;
  __asm__ volatile("movq (%1), %0" : "=a"(value) : "S"(pointer));
  return value;
}

inline std::uint64_t load_acquire(const std::uint64_t* pointer) {
  std::uint64_t value;  // x86 keeps loads in order
  __asm__ volatile("movq (%1), %0" : "=a"(value) : "S"(pointer) : "memory");
  return value;
}

// Intel SDM vol. 2, LFENCE: no later instruction starts before the load has its value. Its place is
// noted, since a host that emulates the guest in order rejects it and needs none.
inline std::uint64_t load_waited(const std::uint64_t* pointer) {
  const std::uint64_t value = load(pointer);
  __asm__ volatile(
      "1: lfence\n\t"
      ".pushsection .fences, \"a\"\n\t"
      ".quad 1b\n\t"
      ".popsection" ::"r"(value)
      : "memory");
  return value;
}

inline void store(std::uint64_t* pointer, std::uint64_t value) {
  __asm__ volatile("movq %0, (%1)" ::"a"(value), "S"(pointer));
}

inline std::uint64_t clock_ticks() {
  using softgpu::kvm::VcpuData;
  std::uint32_t low;
  std::uint32_t high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  const std::uint64_t counted = (static_cast<std::uint64_t>(high) << 32 | low) -
                                detail::own_word<std::uint64_t, offsetof(VcpuData, counter_base)>();
  const auto scaled = static_cast<unsigned __int128>(counted) *
                      detail::own_word<std::uint64_t, offsetof(VcpuData, ticks_per_count)>();
  return detail::own_word<std::uint64_t, offsetof(VcpuData, clock_base)>() +
         static_cast<std::uint64_t>(scaled >> 32);
}

}  // namespace notifier::device

/// At namespace scope, after the kernel `void function(Arguments)`.
#define NOTIFIER_KERNEL(function, Arguments)                                                    \
  static void function##_on_vcpu(const Arguments* arguments) { function(*arguments); }          \
  extern const ::softgpu::kvm::GuestKernel function##_row;                                      \
  __attribute__((section(".kernels"), used)) const ::softgpu::kvm::GuestKernel function##_row { \
#function, reinterpret_cast < std::uint64_t>(&function##_on_vcpu)                           \
  }
