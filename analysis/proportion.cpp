// SPDX-License-Identifier: MIT
#include "analysis/proportion.hpp"

#include <boost/math/distributions/binomial.hpp>
#include <boost/math/special_functions/beta.hpp>

#include "analysis/statistics.hpp"

namespace notifier::analysis {

Interval proportion_interval(std::size_t hits, std::size_t trials, double confidence) {
  const double tail = (1 - confidence) / 2;
  const auto k = static_cast<double>(hits);
  const auto n = static_cast<double>(trials);
  Interval interval{0, 1};
  if (hits > 0) interval.low = boost::math::ibeta_inv(k, n - k + 1, tail);
  if (hits < trials) interval.high = boost::math::ibetac_inv(k + 1, n - k, tail);
  return interval;
}

std::optional<Interval> quantile_interval(std::span<const double> values, double probability,
                                          double confidence) {
  if (values.empty() || !(probability > 0 && probability < 1)) return std::nullopt;
  const double tail = (1 - confidence) / 2;
  const boost::math::binomial below(static_cast<double>(values.size()), probability);
  // x_(low) misses above with P(B < low), x_(high) misses below with P(B >= high); 1-based.
  std::size_t low = 0;
  while (low < values.size() && cdf(below, static_cast<double>(low)) <= tail) ++low;
  std::size_t high = values.size() + 1;
  while (high > 1 && cdf(complement(below, static_cast<double>(high) - 2)) <= tail) --high;
  if (low == 0 || high > values.size()) return std::nullopt;
  const std::vector<double> sorted = sorted_copy(values);
  return Interval{sorted[low - 1], sorted[high - 1]};
}

}  // namespace notifier::analysis
