// SPDX-License-Identifier: MIT
// From what was observed in one event's window to the numbers of its sample. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/schema.hpp"
#include "harness/clock_correlation.hpp"
#include "harness/driver_event.hpp"
#include "harness/kernel_probe.hpp"
#include "harness/workload_driver.hpp"

namespace notifier {

/// What one wave did in the window.
struct WaveWindow {
  WaveProgress before;
  WaveProgress after;
  std::vector<GapRecord> gaps;  // recorded between `before` and `after`, oldest first
};

/// Everything observed about one event. Times in ns of CLOCK_MONOTONIC_RAW unless named otherwise.
struct EventObservation {
  std::int64_t enter_ns = 0;
  std::int64_t leave_ns = 0;
  std::uint64_t involuntary_switches = 0;
  std::optional<double> minor_faults;  // of the whole process in the window
  std::vector<WaveWindow> waves;
  std::vector<DriverEvent> driver_events;
  std::uint64_t lost_driver_events = 0;
  std::vector<KernelSpan> kernel_spans;  // with --kprobes
  std::uint64_t lost_kernel_events = 0;
  std::optional<double> kfd_evicted_ns;  // by KFD's counter, in the window
  const ClockCorrelation* clocks = nullptr;
  double iteration_ticks = 0;  // unperturbed, from the calibration
  double tick_ns = 10;         // from the clock correlation
};

struct EventTimeline;

/// Fills metrics, eviction counts, residual and the flags that follow from one event alone. Returns
/// the stations of the eviction that made the longest gap; empty when none did.
std::optional<EventTimeline> analyse_event(const EventObservation& observation,
                                           analysis::SampleRow& sample);

/// False-stall floor of a run: the largest stall of its sham events (fewer than 368 of them carry
/// no 99th percentile). Empty without any.
std::optional<double> stall_floor_ns(std::span<const analysis::SampleRow> samples);

/// Marks events whose stall does not exceed the floor with `below_floor`.
void flag_below_floor(std::span<analysis::SampleRow> samples, double floor_ns);

}  // namespace notifier
