// SPDX-License-Identifier: MIT
#pragma once

#include <time.h>

#include <cstdint>

namespace notifier::pin {

/// CLOCK_MONOTONIC_RAW. harness/clock_reader.cpp has the same beside calls of libhsakmt, which the
/// pin cases do without.
inline std::int64_t raw_clock_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace notifier::pin
