// SPDX-License-Identifier: MIT
// Brings the GPU's counter and CLOCK_BOOTTIME (driver events) onto CLOCK_MONOTONIC_RAW. Pure: the
// readings come from clock_reader.hpp. No published time is finer than its residual.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace notifier {

// One reading of all clocks. KFD reads them one after another in the order of the fields
// (kfd_chardev.c kfd_ioctl_get_clock_counters, kfd_facts §6), so each is bracketed by its
// neighbours on CLOCK_MONOTONIC_RAW.
struct ClockTriple {
  std::int64_t raw_before_ns = 0;
  std::uint64_t gpu_ticks = 0;
  std::int64_t raw_ns = 0;  // MONOTONIC_RAW as the driver read it
  std::int64_t boottime_ns = 0;
  std::int64_t raw_after_ns = 0;
};

// A clock's value and the raw time at which it held, to within half_width_ns.
struct ClockBracket {
  std::int64_t value = 0;
  std::int64_t raw_ns = 0;
  std::int64_t half_width_ns = 0;
};

/// The GPU counter was read between raw_before_ns and raw_ns. Where the driver's raw_ns does not
/// lie inside the bracket (an implementation that reports another clock there), the outer bracket
/// holds.
ClockBracket gpu_bracket(const ClockTriple& triple);
/// BOOTTIME was read between raw_ns and raw_after_ns.
ClockBracket boottime_bracket(const ClockTriple& triple);

struct ClockSample {
  ClockBracket gpu;
  ClockBracket boottime;
};

/// The tightest bracket of each clock among several readings; empty if there is none.
std::optional<ClockSample> tightest(std::span<const ClockTriple> triples);

struct ClockTime {
  std::int64_t value = 0;  // ns of MONOTONIC_RAW, or the other clock's unit
  double residual_ns = 0;  // half width of the brackets used, plus fit error
  bool ambiguous = false;  // a step of the clock makes more than one instant possible
};

// What is known of a clock's rate beforehand.
struct ClockTraits {
  double nominal_rate = 0;         // units per ns of raw time; 0 when unknown
  double step_tolerance = 0;       // relative deviation from the usual rate that is still no step
  double largest_rate_change = 0;  // relative, between neighbouring brackets
};

/// Constant-rate counter of unknown rate: crystals differ by tens of ppm and wander far less.
ClockTraits gpu_clock_traits();
/// NTP may slew by 500 ppm and adjtime by 500 ppm more (kernel/time/ntp.c MAXFREQ, MAX_TICKADJ).
ClockTraits boottime_traits();

struct ClockRate {
  double units_per_second = 0;
  double uncertainty_per_second = 0;  // from the half widths of the two brackets
};

/// Rate from two brackets, for counters whose frequency no interface reports (kfd_facts §6).
std::optional<ClockRate> calibrate_rate(const ClockBracket& first, const ClockBracket& last);

// Piecewise linear between neighbouring brackets. A step of the clock (suspend for BOOTTIME, a
// reset for the GPU) ends a run of brackets; nothing is interpolated across it.
class ClockMapping {
 public:
  explicit ClockMapping(const ClockTraits& traits) : traits_(traits) {}

  /// Brackets come in order of time. One that is not later than the last is dropped unless tighter.
  void add(const ClockBracket& bracket);

  /// Raw time at which the clock showed `value`. Empty before the first bracket, and where the
  /// clock never showed it because it stepped over it.
  std::optional<ClockTime> to_raw(std::int64_t value) const;
  std::optional<ClockTime> from_raw(std::int64_t raw_ns) const;

  /// Rate over the longest run of brackets.
  std::optional<ClockRate> rate() const;
  std::size_t steps() const;
  std::size_t size() const { return brackets_.size(); }
  void forget_before(std::int64_t raw_ns);

 private:
  struct Run {
    std::size_t first;
    std::size_t last;  // inclusive
  };
  struct Line;
  enum class Place { kBetweenBrackets, kOutside, kImpossible };

  double usual_rate() const;
  double segment_rate(std::size_t index) const;
  double fit_error_ns(const Run& run, std::size_t segment, double from_first_ns) const;
  bool steps_after(std::size_t index, double usual) const;
  const std::vector<Run>& runs() const;
  std::optional<Line> line_at_value(const Run& run, std::int64_t value) const;
  std::optional<Line> line_at_raw(const Run& run, std::int64_t raw_ns) const;
  std::optional<Line> line_outside(const Run& run, bool behind_end) const;
  Place place(const std::vector<Run>& all, std::size_t index, std::int64_t raw_ns,
              double residual_ns) const;
  double residual_at(const Line& line, double offset_ns, const Run& run) const;

  ClockTraits traits_;
  std::vector<ClockBracket> brackets_;  // by raw_ns, strictly increasing
  // Found at the first question after a change.
  mutable std::vector<Run> runs_;
  mutable double usual_rate_ = 0;
  mutable bool runs_known_ = false;
};

// The two mappings of a device.
class ClockCorrelation {
 public:
  void add(const ClockSample& sample) {
    gpu.add(sample.gpu);
    boottime.add(sample.boottime);
  }
  /// Keeps a long recording from growing: conversions take time in proportion to the brackets.
  void forget_before(std::int64_t raw_ns) {
    gpu.forget_before(raw_ns);
    boottime.forget_before(raw_ns);
  }

  ClockMapping gpu{gpu_clock_traits()};
  ClockMapping boottime{boottime_traits()};
};

}  // namespace notifier
