// SPDX-License-Identifier: MIT
// Proof of the stall meter: known holds go in, what the meter reads comes out. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace notifier {

struct MeterPoint {
  std::string method;      // how the hold was made: "pause", "notifier" or "userfaultfd"
  double hold_ns = 0;      // what was asked for
  double injected_ns = 0;  // what it really was; the same unless a CPU measured it
  double measured_ns = 0;
};

/// What the points of one method say.
struct MeterReport {
  std::string method;
  std::size_t points = 0;
  double slope = 0;               // measured over injected, through the medians of each length
  double constant_ns = 0;         // median reading of a hold of length 0
  double residual_median_ns = 0;  // of |measured - injected - constant|
  double residual_largest_ns = 0;
  double detection_floor_ns = 0;  // largest reading of a hold of length 0
  // The slope through the least late reading of each length. A hold can be late, never early: this
  // is the ruler (ring, clock) without most of the noise.
  double ruler_slope = 0;
  bool reliable = false;
};

/// A slope off by more than this, or a median residual above the next, makes a run unreliable.
inline constexpr double kMeterSlopeTolerance = 0.01;
inline constexpr double kMeterResidualLimit_ns = 50'000;

/// One report per method, in order of first appearance. A method needs holds of length 0 and of at
/// least two other lengths; without them its report is not reliable.
std::vector<MeterReport> judge_meter(std::span<const MeterPoint> points);

/// Empty of a reliable report, else what is at fault as far as the points tell: noise or the ruler.
std::string why_unreliable(const MeterReport& report);

bool is_reliable(std::span<const MeterReport> reports);

/// The holds of a validation in their order, three of each: 50 µs to 20 ms (short) or 100 ms
/// (long), in ns, with holds of length 0 between them, so that the constant is taken under the same
/// conditions as the readings.
std::vector<double> meter_holds_ns(bool long_form);

}  // namespace notifier
