// SPDX-License-Identifier: MIT
#include "analysis/bootstrap.hpp"

#include <algorithm>

#include "analysis/harrell_davis.hpp"
#include "analysis/random.hpp"
#include "analysis/statistics.hpp"

namespace notifier::analysis {
namespace {

using Count = std::uint32_t;

constexpr std::size_t kLargestTripleBound = std::size_t{1} << 16;

void draw_counts(std::size_t size, Random& random, std::vector<Count>& counts) {
  counts.assign(size, 0);
  std::size_t drawn = 0;
  if (size < kLargestTripleBound) {
    for (; drawn + 3 <= size; drawn += 3) {
      const auto [first, second, third] = random.three_below(size);
      ++counts[first];
      ++counts[second];
      ++counts[third];
    }
  }
  for (; drawn < size; ++drawn) ++counts[random.below(size)];
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
      : sorted_(sorted_copy(values)),
        weights_(shared_harrell_davis_cumulative(values.size(), 0.5)) {}

  double draw(Random& random) {
    draw_counts(sorted_.size(), random, counts_);
    return weighted_quantile<Count>(sorted_, counts_, weights_);
  }

 private:
  std::vector<double> sorted_;
  const std::vector<double>& weights_;
  std::vector<Count> counts_;
};

// Resamples runs, and the events of each drawn run.
class EventResampler {
 public:
  EventResampler(SortedRuns runs, std::span<const double> probabilities)
      : median_weights_(shared_harrell_davis_cumulative(runs.size(), 0.5)),
        values_(probabilities.size(), std::vector<double>(runs.size())) {
    for (const auto& run : runs) {
      PreparedRun& prepared = runs_.emplace_back();
      prepared.largest = run.back();
      for (std::size_t i = 0; i + 1 < run.size(); ++i) {
        prepared.steps.push_back(run[i + 1] - run[i]);
      }
      for (const double q : probabilities) {
        prepared.weights.push_back(&shared_harrell_davis_cumulative(run.size(), q));
      }
    }
  }

  // One figure per probability.
  void draw(Random& random, std::vector<double>& figures) {
    for (std::size_t slot = 0; slot < runs_.size(); ++slot) draw_run(slot, random);
    for (std::size_t q = 0; q < values_.size(); ++q) {
      std::sort(values_[q].begin(), values_[q].end());
      figures[q] = weighted_quantile(values_[q], median_weights_);
    }
  }

 private:
  struct PreparedRun {
    double largest = 0;
    std::vector<double> steps;                        // between neighbouring values
    std::vector<const std::vector<double>*> weights;  // by probability
  };

  void draw_run(std::size_t slot, Random& random) {
    const PreparedRun& run = runs_[random.below(runs_.size())];
    draw_counts(run.steps.size() + 1, random, counts_);
    Count position = 0;
    for (Count& count : counts_) count = position += count;
    for (std::size_t q = 0; q < values_.size(); ++q) {
      values_[q][slot] = run.largest - weighted_steps(run.steps, *run.weights[q]);
    }
  }

  // Summed by parts, sum of weight times value is the largest value less the sum of cumulated
  // weight times step, whose terms do not depend on each other: four at a time.
  double weighted_steps(const std::vector<double>& steps,
                        const std::vector<double>& cumulative) const {
    double sums[4] = {};
    std::size_t i = 0;
    for (; i + 4 <= steps.size(); i += 4) {
      for (std::size_t lane = 0; lane < 4; ++lane) {
        sums[lane] += cumulative[counts_[i + lane]] * steps[i + lane];
      }
    }
    for (; i < steps.size(); ++i) sums[0] += cumulative[counts_[i]] * steps[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }

  std::vector<PreparedRun> runs_;
  const std::vector<double>& median_weights_;
  std::vector<std::vector<double>> values_;  // by quantile, then drawn run
  std::vector<Count> counts_;                // of the drawn run, cumulated
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
