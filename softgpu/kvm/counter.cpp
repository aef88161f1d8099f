// SPDX-License-Identifier: MIT
#include "softgpu/kvm/counter.hpp"

#include <cpuid.h>
#include <x86intrin.h>

#include "softgpu/core/clock.hpp"
#include "softgpu/kvm/machine.hpp"

namespace softgpu::kvm {
namespace {

constexpr std::uint64_t kCalibrationNs = 20'000'000;

struct Pair {
  std::uint64_t counter;
  std::uint64_t clock_ns;
};

/// Both clocks at one moment: of some tries the one that took least.
Pair read_pair() {
  Pair best{};
  std::uint64_t shortest = UINT64_MAX;
  for (int attempt = 0; attempt < 16; ++attempt) {
    const std::uint64_t before = read_counter();
    const std::uint64_t clock_ns = read_clock_ns(CLOCK_MONOTONIC_RAW);
    const std::uint64_t after = read_counter();
    if (after - before < shortest) {
      shortest = after - before;
      best = {before + (after - before) / 2, clock_ns};
    }
  }
  return best;
}

}  // namespace

std::uint64_t read_counter() {
  unsigned processor;
  return __rdtscp(&processor);
}

CounterScale calibrate_counter() {
  const Pair first = read_pair();
  Pair last = first;
  while (last.clock_ns - first.clock_ns < kCalibrationNs) {
    last = read_pair();
  }
  const std::uint64_t ticks =
      ((last.clock_ns - first.clock_ns) << 32) / kNsPerDeviceTick;  // times 2^32
  return {.counter_base = first.counter,
          .ticks_per_count = ticks / (last.counter - first.counter),
          .clock_base = device_ticks_at(first.clock_ns)};
}

bool cpu_virtualises() {
  constexpr unsigned kVmx = 1u << 5;  // leaf 1, ecx
  constexpr unsigned kSvm = 1u << 2;  // leaf 0x80000001, ecx
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & kVmx) != 0) {
    return true;
  }
  return __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) != 0 && (ecx & kSvm) != 0;
}

}  // namespace softgpu::kvm
