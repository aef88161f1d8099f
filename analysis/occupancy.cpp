// SPDX-License-Identifier: MIT
#include "analysis/occupancy.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/rank_test.hpp"
#include "analysis/statistics.hpp"

namespace notifier::analysis {
namespace {

constexpr double kSmallestStep = 1.2;
constexpr double kLargestSpread = 1.1;
constexpr double kSmallestShare = 0.02;  // less is counted as lying outside of all buckets
constexpr double kCovered = 0.95;
constexpr std::size_t kMostBuckets = 12;

using Runs = std::span<const std::vector<double>>;

std::vector<double> pool(Runs a, Runs b) {
  std::vector<double> all;
  for (const Runs& side : {a, b}) {
    for (const auto& run : side) all.insert(all.end(), run.begin(), run.end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<Bucket> find_buckets(std::span<const double> sorted) {
  std::vector<Bucket> buckets;
  std::size_t covered = 0;
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin + 1;
    while (end < sorted.size() && sorted[end] < sorted[end - 1] * kSmallestStep) ++end;
    const auto values = sorted.subspan(begin, end - begin);
    const auto share = static_cast<double>(values.size()) / static_cast<double>(sorted.size());
    const double spread = *quantile_of_sorted(values, 0.9) / *quantile_of_sorted(values, 0.1);
    if (share >= kSmallestShare) {
      if (spread > kLargestSpread) return {};
      buckets.push_back({values.front(), values.back()});
      covered += values.size();
    }
    begin = end;
  }
  const bool enough = static_cast<double>(covered) >= kCovered * static_cast<double>(sorted.size());
  if (!enough || buckets.size() < 2 || buckets.size() > kMostBuckets) return {};
  return buckets;
}

std::vector<double> shares(Runs runs, const Bucket& bucket) {
  std::vector<double> result;
  for (const auto& run : runs) {
    const auto first = std::lower_bound(run.begin(), run.end(), bucket.low);
    const auto last = std::upper_bound(first, run.end(), bucket.high);
    result.push_back(static_cast<double>(last - first) / static_cast<double>(run.size()));
  }
  return result;
}

// Buckets that a side uses.
std::size_t count_taken(Runs runs, const std::vector<Bucket>& buckets) {
  std::size_t taken = 0;
  for (const Bucket& bucket : buckets) {
    const std::vector<double> all_shares = shares(runs, bucket);
    taken += mean(all_shares).value_or(0) >= kSmallestShare ? 1 : 0;
  }
  return taken;
}

}  // namespace

std::optional<OccupancyChange> compare_occupancy(Runs a, Runs b) {
  const std::vector<double> all = pool(a, b);
  if (a.empty() || b.empty() || all.empty() || all.front() <= 0) return std::nullopt;
  OccupancyChange change;
  change.buckets = find_buckets(all);
  if (std::max(count_taken(a, change.buckets), count_taken(b, change.buckets)) < 2) {
    return std::nullopt;
  }
  for (Bucket& bucket : change.buckets) {
    const std::vector<double> shares_a = shares(a, bucket);
    const std::vector<double> shares_b = shares(b, bucket);
    bucket.share_a = *median(shares_a);
    bucket.share_b = *median(shares_b);
    bucket.p = mann_whitney(shares_a, shares_b)->p;
    change.p = std::min(change.p, bucket.p * static_cast<double>(change.buckets.size()));
    change.largest_change =
        std::max(change.largest_change, std::abs(bucket.share_b - bucket.share_a));
  }
  return change;
}

}  // namespace notifier::analysis
