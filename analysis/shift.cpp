// SPDX-License-Identifier: MIT
#include "analysis/shift.hpp"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "analysis/rank_test.hpp"
#include "analysis/statistics.hpp"

namespace notifier::analysis {
namespace {

std::vector<double> pairwise_differences(std::span<const double> a, std::span<const double> b) {
  std::vector<double> differences;
  differences.reserve(a.size() * b.size());
  for (const double y : b) {
    for (const double x : a) differences.push_back(y - x);
  }
  return differences;
}

// Differences to leave out at each end; P(U < returned) <= tail.
std::size_t count_exact_tail(std::size_t n, std::size_t m, double tail) {
  const std::vector<double> cumulative = mann_whitney_cumulative(n, m);
  const auto above = std::upper_bound(cumulative.begin(), cumulative.end(), tail);
  return static_cast<std::size_t>(above - cumulative.begin());
}

std::size_t count_normal_tail(std::size_t n, std::size_t m, double tail) {
  const auto pairs = static_cast<double>(n * m);
  const double spread = std::sqrt(pairs * static_cast<double>(n + m + 1) / 12);
  const double z = quantile(complement(boost::math::normal(), tail));
  return static_cast<std::size_t>(std::max(0.0, std::floor(pairs / 2 - z * spread)));
}

std::size_t count_tail(std::size_t n, std::size_t m, double tail) {
  static std::mutex mutex;
  static std::map<std::tuple<std::size_t, std::size_t, double>, std::size_t> known;
  const std::lock_guard lock(mutex);
  const auto [entry, is_new] = known.try_emplace({n, m, tail}, 0);
  if (is_new) {
    entry->second =
        n + m <= kLargestExactTotal ? count_exact_tail(n, m, tail) : count_normal_tail(n, m, tail);
  }
  return entry->second;
}

}  // namespace

std::optional<double> hodges_lehmann_shift(std::span<const double> a, std::span<const double> b) {
  return median(pairwise_differences(a, b));
}

std::optional<Interval> shift_interval(std::span<const double> a, std::span<const double> b,
                                       double confidence) {
  if (a.empty() || b.empty()) return std::nullopt;
  const std::size_t tail = count_tail(a.size(), b.size(), (1 - confidence) / 2);
  if (tail == 0) return std::nullopt;
  std::vector<double> differences = pairwise_differences(a, b);
  const auto low = differences.begin() + static_cast<std::ptrdiff_t>(tail - 1);
  const auto high = differences.end() - static_cast<std::ptrdiff_t>(tail);
  std::nth_element(differences.begin(), low, differences.end());
  const double low_value = *low;
  std::nth_element(differences.begin(), high, differences.end());
  return Interval{low_value, *high};
}

KnownVarianceShift shift_with_known_variance(double shift, double standard_error, double freedom,
                                             double confidence) {
  const boost::math::students_t distribution(freedom);
  const double reach = standard_error * quantile(complement(distribution, (1 - confidence) / 2));
  KnownVarianceShift result;
  result.interval = {shift - reach, shift + reach};
  if (standard_error > 0) {
    result.p = 2 * cdf(complement(distribution, std::abs(shift) / standard_error));
  } else {
    result.p = shift == 0 ? 1 : 0;
  }
  return result;
}

}  // namespace notifier::analysis
