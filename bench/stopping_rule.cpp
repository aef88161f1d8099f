// SPDX-License-Identifier: MIT
#include "bench/stopping_rule.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "analysis/statistics.hpp"

namespace notifier {
namespace {

constexpr double kConfidence = 0.95;

/// P(a binomial of n fair trials is at most k).
double binomial_tail(std::size_t n, std::size_t k) {
  double probability = std::pow(0.5, static_cast<double>(n));
  double sum = probability;
  for (std::size_t i = 1; i <= k; ++i) {
    probability *= static_cast<double>(n - i + 1) / static_cast<double>(i);
    sum += probability;
  }
  return sum;
}

}  // namespace

std::optional<ValueInterval> median_interval(std::span<const double> values) {
  const std::size_t n = values.size();
  std::optional<std::size_t> outside;  // order statistics that are left out on either side
  for (std::size_t k = 0; 2 * k + 1 < n && 1 - 2 * binomial_tail(n, k) >= kConfidence; ++k) {
    outside = k;
  }
  if (!outside) return std::nullopt;
  const std::vector<double> sorted = analysis::sorted_copy(values);
  return ValueInterval{sorted[*outside], sorted[n - 1 - *outside]};
}

std::optional<double> PrecisionState::relative() const {
  if (!interval || !median || *median <= 0) return std::nullopt;
  return (interval->high - interval->low) / 2 / *median;
}

PrecisionState precision_of(std::span<const double> run_values) {
  PrecisionState state;
  state.runs = run_values.size();
  state.median = analysis::median(run_values);
  state.interval = median_interval(run_values);
  return state;
}

std::string describe(const PrecisionState& state) {
  if (const auto relative = state.relative()) {
    return fmt::format("±{:.1f} % after {} runs", 100 * *relative, state.runs);
  }
  return fmt::format("no interval from {} runs (six are the least)", state.runs);
}

std::optional<double> parse_share(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const bool percent = rest + 1 == end && *rest == '%';
  if (error != std::errc() || (rest != end && !percent)) return std::nullopt;
  const double share = percent ? value / 100 : value;
  if (!(share > 0) || !(share < 1)) return std::nullopt;
  return share;
}

}  // namespace notifier
