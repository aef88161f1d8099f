// SPDX-License-Identifier: MIT
// Pure functions of one sample. None changes the caller's data. Undefined is an empty optional: no
// value of an empty sample exists, and NaN is not a value, so callers leave undefined values out.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace notifier::analysis {

// The smallest n for which a two-sided 95 % order-statistic interval of the 99th percentile is
// finite: 0.99^n <= 0.025 (n = 367.04).
inline constexpr std::size_t kSmallestCountForP99 = 368;

std::vector<double> sorted_copy(std::span<const double> values);

// Hyndman and Fan's type 7 (numpy's and R's default): linear interpolation at (n - 1) * probability
// between order statistics. probability in [0, 1]; sorted is ascending.
std::optional<double> quantile_of_sorted(std::span<const double> sorted, double probability);
std::optional<double> quantile(std::span<const double> values, double probability);

std::optional<double> median(std::span<const double> values);
std::optional<double> minimum(std::span<const double> values);
std::optional<double> maximum(std::span<const double> values);
std::optional<double> mean(std::span<const double> values);

struct Summary {
  std::size_t n = 0;
  std::optional<double> min;
  std::optional<double> p10;
  std::optional<double> p50;
  std::optional<double> p90;
  std::optional<double> p99;  // empty unless n >= kSmallestCountForP99
  std::optional<double> max;
};

Summary summarize(std::span<const double> values);

}  // namespace notifier::analysis
