// SPDX-License-Identifier: MIT
#include "analysis/rank_test.hpp"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <utility>

#include "analysis/statistics.hpp"

namespace notifier::analysis {
namespace {

// ways[s]: in how many ways `chosen` of the integers add up to s. Relative, so as not to overflow:
// divided by the number of all ways.
std::vector<double> subset_sum_distribution(const std::vector<std::size_t>& integers,
                                            std::size_t chosen) {
  const std::size_t largest = std::accumulate(integers.begin(), integers.end(), std::size_t{0});
  const std::size_t width = largest + 1;
  std::vector<double> ways((chosen + 1) * width, 0.0);
  ways[0] = 1;
  std::size_t reachable = 0;
  for (std::size_t i = 0; i < integers.size(); ++i) {
    reachable += integers[i];
    for (std::size_t k = std::min(chosen, i + 1); k >= 1; --k) {
      double* row = &ways[k * width];
      const double* fewer = &ways[(k - 1) * width];
      for (std::size_t sum = integers[i]; sum <= reachable; ++sum) {
        row[sum] += fewer[sum - integers[i]];
      }
    }
  }
  std::vector<double> distribution(ways.begin() + static_cast<std::ptrdiff_t>(chosen * width),
                                   ways.end());
  const double total = std::accumulate(distribution.begin(), distribution.end(), 0.0);
  for (double& probability : distribution) probability /= total;
  return distribution;
}

double two_sided(const std::vector<double>& distribution, std::size_t observed) {
  const auto middle = distribution.begin() + static_cast<std::ptrdiff_t>(observed);
  const double at_most = std::accumulate(distribution.begin(), middle + 1, 0.0);
  const double at_least = std::accumulate(middle, distribution.end(), 0.0);
  return std::min(1.0, 2 * std::min(at_most, at_least));
}

// P(U <= u) without ties, computed once per pair of sizes. The reference stays valid.
const std::vector<double>& shared_cumulative(std::size_t n, std::size_t m) {
  static std::shared_mutex mutex;
  static std::map<std::pair<std::size_t, std::size_t>, std::vector<double>> known;
  {
    const std::shared_lock lock(mutex);
    const auto found = known.find({n, m});
    if (found != known.end()) return found->second;
  }
  std::vector<double> computed = mann_whitney_cumulative(n, m);
  const std::unique_lock lock(mutex);
  return known.try_emplace({n, m}, std::move(computed)).first->second;
}

bool has_ties(const std::vector<double>& ranks) {
  const std::vector<double> sorted = sorted_copy(ranks);
  return std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
}

// The distribution of U is symmetric.
double untied_p(double u, std::size_t n, std::size_t m) {
  const auto observed = static_cast<std::size_t>(std::lround(u));
  const std::vector<double>& cumulative = shared_cumulative(n, m);
  return std::min(1.0, 2 * cumulative[std::min(observed, n * m - observed)]);
}

// Doubled mid-ranks are integers.
double exact_p(const std::vector<double>& ranks, std::size_t size_of_first) {
  std::vector<std::size_t> doubled;
  doubled.reserve(ranks.size());
  for (const double rank : ranks) {
    doubled.push_back(static_cast<std::size_t>(std::lround(2 * rank)));
  }
  const auto end = doubled.begin() + static_cast<std::ptrdiff_t>(size_of_first);
  const std::size_t observed = std::accumulate(doubled.begin(), end, std::size_t{0});
  return two_sided(subset_sum_distribution(doubled, size_of_first), observed);
}

double tie_term(const std::vector<double>& ranks) {
  const std::vector<double> sorted = sorted_copy(ranks);
  double term = 0;
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin;
    while (end < sorted.size() && sorted[end] == sorted[begin]) ++end;
    const auto tied = static_cast<double>(end - begin);
    term += tied * tied * tied - tied;
    begin = end;
  }
  return term;
}

double normal_p(double u, const std::vector<double>& ranks, double n, double m) {
  const double total = n + m;
  const double variance = n * m / 12 * ((total + 1) - tie_term(ranks) / (total * (total - 1)));
  if (variance <= 0) return 1;
  const double distance = std::max(u, n * m - u) - n * m / 2 - 0.5;
  const boost::math::normal standard;
  return std::min(1.0, 2 * cdf(complement(standard, distance / std::sqrt(variance))));
}

std::vector<double> join(std::span<const double> a, std::span<const double> b) {
  std::vector<double> all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  return all;
}

double sum_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// Variance of the differences between a value's rank among all and among its own sample.
double placement_variance(std::span<const double> overall, const std::vector<double>& own) {
  const auto n = static_cast<double>(own.size());
  const double shift = (sum_of(overall) - sum_of(own)) / n;
  double sum = 0;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const double deviation = overall[i] - own[i] - shift;
    sum += deviation * deviation;
  }
  return sum / (n - 1);
}

}  // namespace

std::vector<double> mid_ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = static_cast<double>(begin + 1 + end) / 2;
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    begin = end;
  }
  return ranks;
}

std::optional<RankTest> mann_whitney(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return std::nullopt;
  const std::vector<double> ranks = mid_ranks(join(a, b));
  const auto n = static_cast<double>(a.size());
  const auto m = static_cast<double>(b.size());
  RankTest test;
  test.u = sum_of(std::span(ranks).first(a.size())) - n * (n + 1) / 2;
  if (ranks.size() <= kLargestExactTotal) {
    test.p = has_ties(ranks) ? exact_p(ranks, a.size()) : untied_p(test.u, a.size(), b.size());
  } else {
    test.method = RankMethod::kNormal;
    test.p = normal_p(test.u, ranks, n, m);
  }
  return test;
}

double smallest_rank_p(std::size_t n, std::size_t m) {
  if (n == 0 || m == 0) return 1;
  double p = 2;
  for (std::size_t i = 1; i <= n; ++i) {
    p *= static_cast<double>(i) / static_cast<double>(m + i);
  }
  return std::min(1.0, p);
}

std::vector<double> mann_whitney_cumulative(std::size_t n, std::size_t m) {
  std::vector<std::size_t> ranks(n + m);
  std::iota(ranks.begin(), ranks.end(), std::size_t{1});
  const std::vector<double> sums = subset_sum_distribution(ranks, n);
  std::vector<double> cumulative(n * m + 1);
  const auto first = sums.begin() + static_cast<std::ptrdiff_t>(n * (n + 1) / 2);
  std::partial_sum(first, first + static_cast<std::ptrdiff_t>(cumulative.size()),
                   cumulative.begin());
  return cumulative;
}

std::optional<double> brunner_munzel_p(std::span<const double> a, std::span<const double> b) {
  if (a.size() < 2 || b.size() < 2) return std::nullopt;
  const std::vector<double> ranks = mid_ranks(join(a, b));
  const auto n = static_cast<double>(a.size());
  const auto m = static_cast<double>(b.size());
  const auto overall_a = std::span(ranks).first(a.size());
  const auto overall_b = std::span(ranks).subspan(a.size());
  const double variance_a = placement_variance(overall_a, mid_ranks(a));
  const double variance_b = placement_variance(overall_b, mid_ranks(b));
  const double difference = sum_of(overall_b) / m - sum_of(overall_a) / n;
  const double spread = n * variance_a + m * variance_b;
  if (spread <= 0) {
    if (difference == 0) return std::nullopt;
    return 0;
  }
  const double statistic = n * m * difference / ((n + m) * std::sqrt(spread));
  const double freedom =
      spread * spread /
      (n * n * variance_a * variance_a / (n - 1) + m * m * variance_b * variance_b / (m - 1));
  const boost::math::students_t distribution(freedom);
  return 2 * cdf(complement(distribution, std::abs(statistic)));
}

std::optional<double> cliffs_delta(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return std::nullopt;
  const std::vector<double> ranks = mid_ranks(join(a, b));
  const auto n = static_cast<double>(a.size());
  const auto m = static_cast<double>(b.size());
  const double u = sum_of(std::span(ranks).first(a.size())) - n * (n + 1) / 2;
  return 1 - 2 * u / (n * m);
}

}  // namespace notifier::analysis
