// SPDX-License-Identifier: MIT
#include "clock_reader.hpp"

#include <fmt/format.h>
#include <hsakmt.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace notifier {
namespace {

std::int64_t clock_ns(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

std::int64_t monotonic_raw_ns() { return clock_ns(CLOCK_MONOTONIC_RAW); }
std::int64_t boottime_ns() { return clock_ns(CLOCK_BOOTTIME); }

ClockSample ClockReader::read(std::uint32_t readings) const {
  std::array<ClockTriple, 64> triples;
  const std::size_t count = std::clamp<std::size_t>(readings, 1, triples.size());
  for (std::size_t index = 0; index < count; ++index) {
    HsaClockCounters counters{};
    ClockTriple& triple = triples[index];
    triple.raw_before_ns = monotonic_raw_ns();
    const HSAKMT_STATUS status = hsaKmtGetClockCounters(node_id_, &counters);
    triple.raw_after_ns = monotonic_raw_ns();
    if (status != HSAKMT_STATUS_SUCCESS) {
      throw std::runtime_error(fmt::format("hsaKmtGetClockCounters(node {}) failed with status {}",
                                           node_id_, static_cast<int>(status)));
    }
    triple.gpu_ticks = counters.GPUClockCounter;
    triple.raw_ns = static_cast<std::int64_t>(counters.CPUClockCounter);
    triple.boottime_ns = static_cast<std::int64_t>(counters.SystemClockCounter);
  }
  return *tightest({triples.data(), count});
}

}  // namespace notifier
