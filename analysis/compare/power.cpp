// SPDX-License-Identifier: MIT
#include "analysis/compare/power.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include "analysis/random.hpp"
#include "analysis/rank_test.hpp"

namespace notifier::analysis {
namespace {

constexpr std::size_t kTrials = 1000;
constexpr std::uint64_t kSeed = 20260601;

double normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

// Both conditions are counts of pairs: the rank test rejects when few pairs have b < a, and the
// interval's lower end lies above the margin when few differences lie below it.
struct Limits {
  std::size_t rejecting = 0;  // largest number of inverted pairs with p <= level, plus one
  std::size_t excluding = 0;  // number of differences that the interval leaves out at each end
};

Limits limits_for(const PowerQuestion& question, std::size_t runs) {
  const double level =
      question.alpha / static_cast<double>(std::max<std::size_t>(1, question.family_size));
  const auto count_tail = [&](const std::vector<double>& cumulative, double tail) {
    return static_cast<std::size_t>(std::upper_bound(cumulative.begin(), cumulative.end(), tail) -
                                    cumulative.begin());
  };
  if (2 * runs <= kLargestExactTotal) {
    const std::vector<double> cumulative = mann_whitney_cumulative(runs, runs);
    return {count_tail(cumulative, level / 2),
            count_tail(cumulative, (1 - question.confidence) / 2)};
  }
  const auto pairs = static_cast<double>(runs * runs);
  const double deviation = std::sqrt(pairs * static_cast<double>(2 * runs + 1) / 12);
  const auto normal_tail = [&](double tail) {
    // inverse of the complementary error function by bisection, monotone and good enough here
    double low = 0;
    double high = 10;
    for (int i = 0; i < 60; ++i) {
      const double middle = (low + high) / 2;
      (std::erfc(middle / std::numbers::sqrt2) / 2 > tail ? low : high) = middle;
    }
    return static_cast<std::size_t>(std::max(0.0, std::floor(pairs / 2 - low * deviation)));
  };
  return {normal_tail(level / 2), normal_tail((1 - question.confidence) / 2)};
}

bool is_found(std::span<const double> a, std::span<const double> b, double margin,
              const Limits& limits) {
  std::size_t inverted = 0;
  std::size_t within = 0;
  for (const double y : b) {
    for (const double x : a) {
      inverted += y <= x ? 1 : 0;
      within += y - x <= margin ? 1 : 0;
    }
  }
  return inverted < limits.rejecting && within < limits.excluding;
}

}  // namespace

std::size_t fewest_runs_for_level(double alpha, std::size_t family_size) {
  const double level = alpha / static_cast<double>(std::max<std::size_t>(1, family_size));
  std::size_t runs = 1;
  while (runs < kMostRuns && smallest_rank_p(runs, runs) > level) ++runs;
  return runs;
}

double power_of(const PowerQuestion& question, std::size_t runs) {
  const Limits limits = limits_for(question, runs);
  if (limits.rejecting == 0 || limits.excluding == 0) return 0;
  Random random(kSeed);
  std::vector<double> a(runs);
  std::vector<double> b(runs);
  std::size_t found = 0;
  for (std::size_t trial = 0; trial < kTrials; ++trial) {
    for (double& value : a) value = question.spread * normal(random);
    for (double& value : b) value = question.effect + question.spread * normal(random);
    found += is_found(a, b, question.margin, limits) ? 1 : 0;
  }
  return static_cast<double>(found) / static_cast<double>(kTrials);
}

std::optional<std::size_t> runs_for_power(const PowerQuestion& question, double power) {
  if (question.effect <= question.margin) return std::nullopt;
  std::size_t low = fewest_runs_for_level(question.alpha, question.family_size);
  if (power_of(question, low) >= power) return low;
  std::size_t high = low;
  while (power_of(question, high) < power) {
    if (high == kMostRuns) return std::nullopt;
    low = high;
    high = std::min(kMostRuns, high * 2);
  }
  while (high - low > 1) {
    const std::size_t middle = (low + high) / 2;
    (power_of(question, middle) >= power ? high : low) = middle;
  }
  return high;
}

double detectable_effect(const PowerQuestion& question, std::size_t runs, double power) {
  PowerQuestion asked = question;
  double low = question.margin;
  double high = question.margin + 20 * question.spread + 1e-9;
  asked.effect = high;
  if (power_of(asked, runs) < power) return std::numeric_limits<double>::infinity();
  for (int i = 0; i < 20; ++i) {
    asked.effect = (low + high) / 2;
    (power_of(asked, runs) >= power ? high : low) = asked.effect;
  }
  return high;
}

std::optional<std::size_t> further_replicates(const Judgement& judgement,
                                              const JudgeOptions& options) {
  const std::size_t have = std::min(judgement.old_replicates, judgement.new_replicates);
  const std::size_t fewest = fewest_runs_for_level(options.alpha, options.family_size);
  if (!judgement.interval) return fewest > have ? fewest - have : 1;
  // The interval narrows with the root of the number of replicates; it must fit into the distance
  // between the effect and the nearer margin.
  const double distance = std::abs(std::abs(judgement.effect) - judgement.margin);
  const double half_width = (judgement.interval->high - judgement.interval->low) / 2;
  const double mean_replicates = 2 / (1.0 / static_cast<double>(judgement.old_replicates) +
                                      1.0 / static_cast<double>(judgement.new_replicates));
  const double needed = mean_replicates * std::pow(half_width / distance, 2);
  if (!(needed <= static_cast<double>(kMostRuns))) return std::nullopt;
  const auto wanted = std::max(static_cast<std::size_t>(std::ceil(needed - 1e-9)), fewest);
  return wanted > have ? wanted - have : 1;
}

}  // namespace notifier::analysis
