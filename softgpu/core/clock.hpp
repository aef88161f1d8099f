// SPDX-License-Identifier: MIT
// The clocks of the device and its driver.
#pragma once

#include <time.h>

#include <cstdint>

namespace softgpu {

inline constexpr std::uint64_t kDeviceClockHz = 100'000'000;
inline constexpr std::uint64_t kNsPerDeviceTick = 1'000'000'000 / kDeviceClockHz;

/// The device clock does not start at the CPU clock's zero, so that nobody can mix the two up.
inline constexpr std::uint64_t kDeviceClockOffsetTicks = 0x5A'0000'0000;

inline std::uint64_t read_clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

inline std::uint64_t device_ticks_at(std::uint64_t monotonic_raw_ns) {
  return monotonic_raw_ns / kNsPerDeviceTick + kDeviceClockOffsetTicks;
}

}  // namespace softgpu
