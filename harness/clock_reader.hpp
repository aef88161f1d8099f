// SPDX-License-Identifier: MIT
// Reads the clocks of a device through hsaKmtGetClockCounters.
#pragma once

#include <cstdint>
#include <string>

#include "clock_correlation.hpp"

namespace notifier {

class ClockReader {
 public:
  explicit ClockReader(std::uint32_t node_id) : node_id_(node_id) {}

  /// Tightest brackets of `readings` readings (at most 64), which cost one ioctl each. Throws
  /// std::runtime_error when the driver refuses. Does not allocate otherwise.
  ClockSample read(std::uint32_t readings = 8) const;

 private:
  std::uint32_t node_id_;
};

/// CLOCK_MONOTONIC_RAW and CLOCK_BOOTTIME of the CPU, in ns.
std::int64_t monotonic_raw_ns();
std::int64_t boottime_ns();

}  // namespace notifier
