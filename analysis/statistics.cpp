// SPDX-License-Identifier: MIT
#include "analysis/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace notifier::analysis {

std::vector<double> sorted_copy(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

std::optional<double> quantile_of_sorted(std::span<const double> sorted, double probability) {
  if (sorted.empty() || !(probability >= 0 && probability <= 1)) return std::nullopt;
  const double position = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(position));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

std::optional<double> quantile(std::span<const double> values, double probability) {
  return quantile_of_sorted(sorted_copy(values), probability);
}

std::optional<double> median(std::span<const double> values) { return quantile(values, 0.5); }

std::optional<double> minimum(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  return *std::min_element(values.begin(), values.end());
}

std::optional<double> maximum(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  return *std::max_element(values.begin(), values.end());
}

std::optional<double> mean(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Summary summarize(std::span<const double> values) {
  const std::vector<double> sorted = sorted_copy(values);
  Summary summary;
  summary.n = sorted.size();
  summary.min = quantile_of_sorted(sorted, 0);
  summary.p10 = quantile_of_sorted(sorted, 0.1);
  summary.p50 = quantile_of_sorted(sorted, 0.5);
  summary.p90 = quantile_of_sorted(sorted, 0.9);
  if (sorted.size() >= kSmallestCountForP99) summary.p99 = quantile_of_sorted(sorted, 0.99);
  summary.max = quantile_of_sorted(sorted, 1);
  return summary;
}

}  // namespace notifier::analysis
