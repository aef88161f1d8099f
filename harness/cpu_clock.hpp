// SPDX-License-Identifier: MIT
// The CPU clock of every measurement: CLOCK_MONOTONIC_RAW, which NTP does not slew.
#pragma once

#include <time.h>

#include <cstdint>

namespace notifier {

inline std::int64_t monotonic_raw_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace notifier
