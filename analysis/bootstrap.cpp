// SPDX-License-Identifier: MIT
#include "analysis/bootstrap.hpp"

#include <algorithm>
#include <map>

#include "analysis/harrell_davis.hpp"
#include "analysis/random.hpp"
#include "analysis/statistics.hpp"

namespace notifier::analysis {
namespace {

using Count = std::uint32_t;

void draw_counts(std::size_t size, Random& random, std::vector<Count>& counts) {
  counts.assign(size, 0);
  std::size_t drawn = 0;
  for (; drawn + 2 <= size; drawn += 2) {
    const auto [first, second] = random.two_below(size);
    ++counts[first];
    ++counts[second];
  }
  if (drawn < size) ++counts[random.below(size)];
}

Interval percentile_interval(std::vector<double>& replicates, double confidence) {
  std::sort(replicates.begin(), replicates.end());
  const double tail = (1 - confidence) / 2;
  return {*quantile_of_sorted(replicates, tail), *quantile_of_sorted(replicates, 1 - tail)};
}

// Resamples the median over runs.
class RunResampler {
 public:
  explicit RunResampler(std::span<const double> values)
      : sorted_(sorted_copy(values)), weights_(harrell_davis_cumulative(values.size(), 0.5)) {}

  double draw(Random& random) {
    draw_counts(sorted_.size(), random, counts_);
    return weighted_quantile<Count>(sorted_, counts_, weights_);
  }

 private:
  std::vector<double> sorted_;
  std::vector<double> weights_;
  std::vector<Count> counts_;
};

// Resamples runs, and the events of each drawn run.
class EventResampler {
 public:
  EventResampler(SortedRuns runs, std::span<const double> probabilities)
      : runs_(runs), values_(probabilities.size(), std::vector<double>(runs.size())) {
    median_weights_ = harrell_davis_cumulative(runs.size(), 0.5);
    for (const auto& run : runs) {
      auto& weights = weights_[run.size()];
      if (!weights.empty()) continue;
      for (const double q : probabilities) {
        weights.push_back(harrell_davis_cumulative(run.size(), q));
      }
    }
  }

  // One figure per probability.
  void draw(Random& random, std::vector<double>& figures) {
    for (std::size_t i = 0; i < runs_.size(); ++i) draw_run(i, random);
    for (std::size_t q = 0; q < values_.size(); ++q) {
      std::sort(values_[q].begin(), values_[q].end());
      figures[q] = weighted_quantile(values_[q], median_weights_);
    }
  }

 private:
  void draw_run(std::size_t slot, Random& random) {
    const std::vector<double>& run = runs_[random.below(runs_.size())];
    const auto& weights = weights_.at(run.size());
    draw_counts(run.size(), random, counts_);
    for (std::size_t q = 0; q < values_.size(); ++q) {
      values_[q][slot] = weighted_quantile<Count>(run, counts_, weights[q]);
    }
  }

  SortedRuns runs_;
  std::map<std::size_t, std::vector<std::vector<double>>> weights_;  // by size of run, quantile
  std::vector<double> median_weights_;
  std::vector<std::vector<double>> values_;  // by quantile, then drawn run
  std::vector<Count> counts_;
};

}  // namespace

double median_of_runs(std::span<const double> run_values) {
  return harrell_davis_quantile(run_values, 0.5).value_or(0);
}

Interval bootstrap_runs(std::span<const double> a, std::span<const double> b,
                        const BootstrapOptions& options) {
  RunResampler resample_a(a);
  RunResampler resample_b(b);
  Random random(options.seed);
  std::vector<double> replicates(options.resamples);
  for (double& replicate : replicates) {
    const double drawn_a = resample_a.draw(random);
    replicate = resample_b.draw(random) - drawn_a;
  }
  return percentile_interval(replicates, options.confidence);
}

std::vector<Interval> bootstrap_events(SortedRuns a, SortedRuns b,
                                       std::span<const double> probabilities,
                                       const BootstrapOptions& options) {
  EventResampler resample_a(a, probabilities);
  EventResampler resample_b(b, probabilities);
  Random random(options.seed);
  std::vector<std::vector<double>> replicates(probabilities.size());
  std::vector<double> figures_a(probabilities.size());
  std::vector<double> figures_b(probabilities.size());
  for (std::size_t i = 0; i < options.resamples; ++i) {
    resample_a.draw(random, figures_a);
    resample_b.draw(random, figures_b);
    for (std::size_t q = 0; q < replicates.size(); ++q) {
      replicates[q].push_back(figures_b[q] - figures_a[q]);
    }
  }
  std::vector<Interval> intervals;
  for (auto& values : replicates) {
    intervals.push_back(percentile_interval(values, options.confidence));
  }
  return intervals;
}

}  // namespace notifier::analysis
