// SPDX-License-Identifier: MIT
// Harrell and Davis's quantile estimator (Biometrika 69, 1982): a weighted sum of all order
// statistics, with more efficiency at small n than one or two of them.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace notifier::analysis {

// I_{k/n}(a, b) for k = 0..n with a = (n + 1) q and b = (n + 1)(1 - q): n + 1 numbers from 0 to 1.
// The weight of the i-th order statistic (from 0) is the difference of elements i + 1 and i. Empty
// for n = 0; q in (0, 1).
std::vector<double> harrell_davis_cumulative(std::size_t n, double probability);

// The same, computed once per process and for all threads: most runs of a comparison have the same
// number of events, and the weights cost more than their use. The reference stays valid.
const std::vector<double>& shared_harrell_davis_cumulative(std::size_t n, double probability);

// sorted is ascending and cumulative belongs to its size.
double weighted_quantile(std::span<const double> sorted, std::span<const double> cumulative);

// The same where sorted[i] stands counts[i] times; the counts add up to cumulative.size() - 1.
template <typename Count>
double weighted_quantile(std::span<const double> sorted, std::span<const Count> counts,
                         std::span<const double> cumulative) {
  double sum = 0;
  std::size_t position = 0;
  double below = cumulative[0];
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    position += counts[i];
    const double upto = cumulative[position];
    sum += (upto - below) * sorted[i];
    below = upto;
  }
  return sum;
}

std::optional<double> harrell_davis_quantile(std::span<const double> values, double probability);

}  // namespace notifier::analysis
