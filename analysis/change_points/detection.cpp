// SPDX-License-Identifier: MIT
#include "analysis/change_points/detection.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "analysis/change_points/sliding_rank.hpp"

namespace notifier::analysis {
namespace {

using Logs = std::span<const double>;
using Ranks = std::span<const std::int16_t>;

struct Windows {
  std::size_t left;
  std::size_t right;
};

// Short ones find steps that go back soon, long ones small steps. Below these sizes no arrangement
// of ranks reaches z = 4.2: the largest possible is sqrt(3 n m / (n + m + 1)).
constexpr std::array<Windows, 8> kWindows = {
    {{14, 14}, {24, 24}, {40, 40}, {80, 80}, {160, 160}, {320, 320}, {40, 8}, {8, 40}}};

// Beyond this many nights an old level says nothing more about a step.
constexpr std::size_t kFarthest = 320;
constexpr double kSigmaPerMad = 1.4826;  // of a normal distribution
constexpr std::size_t kProvisionalBaseline = 30;
constexpr std::size_t kShortestBaseline = 10;

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double median_of(Logs values) {
  return median_of(std::vector<double>(values.begin(), values.end()));
}

double sigma_of(Logs values, double center) {
  std::vector<double> deviations;
  deviations.reserve(values.size());
  for (const double value : values) deviations.push_back(std::abs(value - center));
  return kSigmaPerMad * median_of(std::move(deviations));
}

class Search {
 public:
  Search(Logs logs, const DetectionOptions& options)
      : logs_(logs), ranks_(dense_ranks(logs)), options_(options) {}

  std::vector<Step> run() {
    propose();
    prune();
    // Between final neighbours the best split may lie a few nights aside.
    for (int round = 0; round < 2; ++round) {
      relocate();
      prune();
    }
    std::vector<Step> steps;
    for (std::size_t i = 0; i < points_.size(); ++i) steps.push_back(describe(i));
    find_provisional(steps);
    return steps;
  }

 private:
  // The highest split of each hill of |z| that stands above the threshold, in every window.
  void propose() {
    for (const Windows& windows : kWindows) {
      const std::vector<double> z = sliding_rank_z(ranks_, windows.left, windows.right);
      std::size_t best = 0;
      bool inside = false;
      for (std::size_t i = 0; i <= z.size(); ++i) {
        const bool above = i < z.size() && std::abs(z[i]) >= options_.smallest_z;
        if (above && (!inside || std::abs(z[i]) > std::abs(z[best]))) best = i;
        if (inside && !above) points_.push_back(best + windows.left);
        inside = above;
      }
    }
    std::sort(points_.begin(), points_.end());
    points_.erase(std::unique(points_.begin(), points_.end()), points_.end());
  }

  std::size_t begin_of(std::size_t i) const {
    const std::size_t previous = i == 0 ? 0 : points_[i - 1];
    return std::max(previous, points_[i] - std::min(points_[i], kFarthest));
  }
  std::size_t end_of(std::size_t i) const {
    const std::size_t next = i + 1 == points_.size() ? logs_.size() : points_[i + 1];
    return std::min(next, points_[i] + kFarthest);
  }

  // Step between the neighbours of a point; z is 0 when it breaks a rule.
  Step describe(std::size_t i) const {
    const std::size_t begin = begin_of(i);
    const std::size_t end = end_of(i);
    const std::size_t point = points_[i];
    Step step{point, 0, 0, Certainty::kConfirmed};
    if (std::min(point - begin, end - point) < options_.shortest_segment) return step;
    step.log_ratio = median_of(logs_.subspan(point, end - point)) -
                     median_of(logs_.subspan(begin, point - begin));
    if (std::abs(step.log_ratio) < options_.smallest_effect) return step;
    step.z = rank_z(Ranks(ranks_).subspan(begin, point - begin),
                    Ranks(ranks_).subspan(point, end - point));
    return step;
  }

  // The weakest goes first, since its neighbours gain from it; until all that is left are steps.
  void prune() {
    std::vector<double> strength;
    for (std::size_t i = 0; i < points_.size(); ++i) strength.push_back(std::abs(describe(i).z));
    while (!points_.empty()) {
      const auto weakest = std::min_element(strength.begin(), strength.end());
      if (*weakest >= options_.smallest_z) return;
      const auto index = static_cast<std::size_t>(weakest - strength.begin());
      points_.erase(points_.begin() + static_cast<std::ptrdiff_t>(index));
      strength.erase(weakest);
      if (index > 0) strength[index - 1] = std::abs(describe(index - 1).z);
      if (index < points_.size()) strength[index] = std::abs(describe(index).z);
    }
  }

  void relocate() {
    for (std::size_t i = 0; i < points_.size(); ++i) points_[i] = best_split(i);
  }

  // Where the absolute distances to the medians of both sides add up to least. Ranks would draw the
  // split of unequal sides towards the middle.
  std::size_t best_split(std::size_t i) const {
    const std::size_t begin = begin_of(i);
    const std::size_t end = end_of(i);
    const double before = median_of(logs_.subspan(begin, points_[i] - begin));
    const double after = median_of(logs_.subspan(points_[i], end - points_[i]));
    double cost = 0;  // against the split at `begin`
    double least = std::numeric_limits<double>::infinity();
    std::size_t split = points_[i];
    for (std::size_t k = begin; k + options_.shortest_segment < end; ++k) {
      cost += std::abs(logs_[k] - before) - std::abs(logs_[k] - after);
      if (k + 1 < begin + options_.shortest_segment || cost >= least) continue;
      least = cost;
      split = k + 1;
    }
    return split;
  }

  void find_provisional(std::vector<Step>& steps) const {
    const std::size_t begin = points_.empty() ? 0 : points_.back();
    const std::size_t available = logs_.size() - begin;
    Step best;
    for (std::size_t tail = options_.shortest_provisional; tail < options_.shortest_segment;
         ++tail) {
      if (available < tail + kShortestBaseline) break;
      const std::size_t split = logs_.size() - tail;
      const std::size_t baseline = std::min(kProvisionalBaseline, split - begin);
      const Logs before = logs_.subspan(split - baseline, baseline);
      const double level = median_of(before);
      const double shift = median_of(logs_.subspan(split)) - level;
      const double needed = std::max(options_.smallest_effect,
                                     options_.smallest_provisional_sigma * sigma_of(before, level));
      const double z =
          rank_z(Ranks(ranks_).subspan(split - baseline, baseline), Ranks(ranks_).subspan(split));
      if (std::abs(shift) < needed || std::abs(z) < options_.smallest_provisional_z) continue;
      if (std::abs(z) > std::abs(best.z)) best = {split, shift, z, Certainty::kProvisional};
    }
    if (best.z != 0) steps.push_back(best);
  }

  Logs logs_;
  std::vector<std::int16_t> ranks_;
  DetectionOptions options_;
  std::vector<std::size_t> points_;
};

std::vector<std::size_t> find_spikes(Logs logs, const std::vector<Step>& steps,
                                     const DetectionOptions& options) {
  std::vector<std::size_t> spikes;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= steps.size(); ++i) {
    const std::size_t end = i < steps.size() ? steps[i].index : logs.size();
    const Logs segment = logs.subspan(begin, end - begin);
    if (segment.size() >= kShortestBaseline) {
      const double level = median_of(segment);
      const double limit =
          std::max(options.smallest_spike, options.smallest_spike_sigma * sigma_of(segment, level));
      for (std::size_t k = 0; k < segment.size(); ++k) {
        if (std::abs(segment[k] - level) > limit) spikes.push_back(begin + k);
      }
    }
    begin = end;
  }
  return spikes;
}

}  // namespace

Detection detect(std::span<const std::optional<double>> values, const DetectionOptions& options) {
  std::vector<double> logs;
  std::vector<std::size_t> nights;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i] || !(*values[i] > 0)) continue;
    logs.push_back(std::log(*values[i]));
    nights.push_back(i);
  }
  Detection detection;
  if (logs.size() > kLongestRanked) return detection;
  detection.steps = Search(logs, options).run();
  detection.spikes = find_spikes(logs, detection.steps, options);
  for (Step& step : detection.steps) step.index = nights[step.index];
  for (std::size_t& spike : detection.spikes) spike = nights[spike];
  return detection;
}

}  // namespace notifier::analysis
