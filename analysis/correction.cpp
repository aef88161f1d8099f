// SPDX-License-Identifier: MIT
#include "analysis/correction.hpp"

#include <algorithm>
#include <numeric>

namespace notifier::analysis {
namespace {

std::vector<std::size_t> ascending_order(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
  return order;
}

}  // namespace

std::vector<double> adjust_holm(std::span<const double> p_values) {
  std::vector<double> adjusted(p_values.size());
  double largest = 0;
  std::size_t remaining = p_values.size();
  for (const std::size_t i : ascending_order(p_values)) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(remaining) * p_values[i]));
    adjusted[i] = largest;
    --remaining;
  }
  return adjusted;
}

std::vector<double> adjust_benjamini_hochberg(std::span<const double> p_values) {
  std::vector<double> adjusted(p_values.size());
  const auto total = static_cast<double>(p_values.size());
  const std::vector<std::size_t> order = ascending_order(p_values);
  double smallest = 1;
  for (std::size_t rank = order.size(); rank >= 1; --rank) {
    const std::size_t i = order[rank - 1];
    smallest = std::min(smallest, p_values[i] * total / static_cast<double>(rank));
    adjusted[i] = smallest;
  }
  return adjusted;
}

}  // namespace notifier::analysis
