// SPDX-License-Identifier: MIT
#include "analysis/change_points.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/rank_test.hpp"
#include "analysis/statistics.hpp"

namespace notifier::analysis {
namespace {

using Logs = std::span<const double>;

struct Split {
  std::size_t index = 0;  // within the searched part
  double z = 0;
};

// The split with the largest standardised rank sum.
Split best_split(Logs part, std::size_t shortest) {
  Split best;
  if (part.size() < 2 * shortest) return best;
  const std::vector<double> ranks = mid_ranks(part);
  const auto total = static_cast<double>(part.size());
  double spread = 0;
  for (const double rank : ranks) spread += std::pow(rank - (total + 1) / 2, 2);
  if (spread <= 0) return best;
  double sum = 0;
  for (std::size_t i = 1; i + shortest <= part.size(); ++i) {
    sum += ranks[i - 1];
    if (i < shortest) continue;
    const auto n = static_cast<double>(i);
    // variance of a sum of n ranks drawn without replacement, ties included
    const double variance = n * (total - n) / (total * (total - 1)) * spread;
    const double z = std::abs(sum - n * (total + 1) / 2) / std::sqrt(variance);
    if (z > best.z) best = {i, z};
  }
  return best;
}

double effect(Logs part, std::size_t split) {
  return *median(part.subspan(split)) - *median(part.first(split));
}

// Standardised rank sum of the first `index` values.
double z_at(Logs part, std::size_t index) {
  const std::vector<double> ranks = mid_ranks(part);
  const auto total = static_cast<double>(part.size());
  const auto n = static_cast<double>(index);
  double spread = 0;
  double sum = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    spread += std::pow(ranks[i] - (total + 1) / 2, 2);
    if (i < index) sum += ranks[i];
  }
  if (spread <= 0) return 0;
  return std::abs(sum - n * (total + 1) / 2) /
         std::sqrt(n * (total - n) / (total * (total - 1)) * spread);
}

class Search {
 public:
  Search(Logs logs, const ChangePointOptions& options) : logs_(logs), options_(options) {}

  std::set<std::size_t> run() {
    divide(0, logs_.size());
    search_windows();
    prune();
    return points_;
  }

 private:
  bool accept(Logs part, const Split& split) const {
    return split.index != 0 && split.z >= options_.smallest_z &&
           std::abs(effect(part, split.index)) >= options_.smallest_effect;
  }

  void divide(std::size_t begin, std::size_t end) {
    const Logs part = logs_.subspan(begin, end - begin);
    const Split split = best_split(part, options_.shortest_segment);
    if (!accept(part, split)) return;
    points_.insert(begin + split.index);
    divide(begin, begin + split.index);
    divide(begin + split.index, end);
  }

  void search_windows() {
    for (std::size_t window = options_.shortest_window; window < logs_.size(); window *= 2) {
      const std::size_t step = std::max<std::size_t>(1, window / 4);
      for (std::size_t begin = 0; begin + window <= logs_.size(); begin += step) {
        search_between_points(begin, begin + window);
      }
    }
  }

  // The window may hold points already; only what lies between them is searched.
  void search_between_points(std::size_t begin, std::size_t end) {
    std::vector<std::size_t> borders(points_.upper_bound(begin), points_.lower_bound(end));
    borders.insert(borders.begin(), begin);
    borders.push_back(end);
    for (std::size_t i = 0; i + 1 < borders.size(); ++i) divide(borders[i], borders[i + 1]);
  }

  // A point stays only if it is a step between its final neighbours; the weakest goes first.
  void prune() {
    while (!points_.empty()) {
      std::size_t weakest = 0;
      double smallest_z = options_.smallest_z;
      bool found = false;
      for (auto point = points_.begin(); point != points_.end(); ++point) {
        const Split step = describe(point);
        if (step.z >= smallest_z) continue;
        smallest_z = step.z;
        weakest = *point;
        found = true;
      }
      if (!found) return;
      points_.erase(weakest);
    }
  }

  // z of a point between its neighbours, 0 when it fails a rule.
  Split describe(std::set<std::size_t>::const_iterator point) const {
    const std::size_t begin = point == points_.begin() ? 0 : *std::prev(point);
    const std::size_t end = std::next(point) == points_.end() ? logs_.size() : *std::next(point);
    const Logs part = logs_.subspan(begin, end - begin);
    const std::size_t index = *point - begin;
    const bool too_short = std::min(index, part.size() - index) < options_.shortest_segment;
    if (too_short || std::abs(effect(part, index)) < options_.smallest_effect) return {};
    return {index, z_at(part, index)};
  }

  Logs logs_;
  ChangePointOptions options_;
  std::set<std::size_t> points_;
};

}  // namespace

std::vector<ChangePoint> find_change_points(std::span<const std::optional<double>> values,
                                            const ChangePointOptions& options) {
  std::vector<double> logs;
  std::vector<std::size_t> nights;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i] || !(*values[i] > 0)) continue;
    logs.push_back(std::log(*values[i]));
    nights.push_back(i);
  }
  const std::set<std::size_t> points = Search(logs, options).run();
  std::vector<std::size_t> borders(points.begin(), points.end());
  borders.insert(borders.begin(), 0);
  borders.push_back(logs.size());
  std::vector<ChangePoint> result;
  for (std::size_t i = 1; i + 1 < borders.size(); ++i) {
    const Logs part = Logs(logs).subspan(borders[i - 1], borders[i + 1] - borders[i - 1]);
    const std::size_t index = borders[i] - borders[i - 1];
    result.push_back({nights[borders[i]], effect(part, index), z_at(part, index)});
  }
  return result;
}

}  // namespace notifier::analysis
