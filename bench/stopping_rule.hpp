// SPDX-License-Identifier: MIT
// When to stop sampling a case. Runs, not events, are replicates (docs/measurement.md). Pure.
#pragma once

#include <optional>
#include <span>
#include <string>

namespace notifier {

struct ValueInterval {
  double low = 0;
  double high = 0;
};

/// The narrowest symmetric pair of order statistics that covers the median with at least 95 %
/// (sign test). Empty below six values, which have none.
std::optional<ValueInterval> median_interval(std::span<const double> values);

/// What is known of one case after some runs.
struct PrecisionState {
  std::size_t runs = 0;
  std::optional<double> median;           // of the runs' values
  std::optional<ValueInterval> interval;  // of that median
  /// Half the interval's width over the median.
  std::optional<double> relative() const;
  bool reached(double wanted) const { return relative() && *relative() <= wanted; }
};

/// `run_values` has one value per run: its median, or its 99th percentile.
PrecisionState precision_of(std::span<const double> run_values);

/// "±3.1 % after 8 runs", or why there is no interval.
std::string describe(const PrecisionState& state);

/// "5%" or "0.05" as a share; empty when it is neither or not between 0 and 1.
std::optional<double> parse_share(const std::string& text);

}  // namespace notifier
