// SPDX-License-Identifier: MIT
#include "analysis/harrell_davis.hpp"

#include <boost/math/special_functions/beta.hpp>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "analysis/statistics.hpp"

namespace notifier::analysis {

std::vector<double> harrell_davis_cumulative(std::size_t n, double probability) {
  std::vector<double> cumulative;
  if (n == 0) return cumulative;
  const auto count = static_cast<double>(n);
  const double a = (count + 1) * probability;
  const double b = (count + 1) * (1 - probability);
  cumulative.reserve(n + 1);
  cumulative.push_back(0);
  for (std::size_t k = 1; k < n; ++k) {
    cumulative.push_back(boost::math::ibeta(a, b, static_cast<double>(k) / count));
  }
  cumulative.push_back(1);
  return cumulative;
}

const std::vector<double>& shared_harrell_davis_cumulative(std::size_t n, double probability) {
  static std::shared_mutex mutex;
  static std::map<std::pair<std::size_t, double>, std::vector<double>> known;
  {
    const std::shared_lock lock(mutex);
    const auto found = known.find({n, probability});
    if (found != known.end()) return found->second;
  }
  std::vector<double> computed = harrell_davis_cumulative(n, probability);
  const std::unique_lock lock(mutex);
  return known.try_emplace({n, probability}, std::move(computed)).first->second;
}

double weighted_quantile(std::span<const double> sorted, std::span<const double> cumulative) {
  double sum = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    sum += (cumulative[i + 1] - cumulative[i]) * sorted[i];
  }
  return sum;
}

std::optional<double> harrell_davis_quantile(std::span<const double> values, double probability) {
  if (values.empty() || !(probability > 0 && probability < 1)) return std::nullopt;
  return weighted_quantile(sorted_copy(values),
                           shared_harrell_davis_cumulative(values.size(), probability));
}

}  // namespace notifier::analysis
