// SPDX-License-Identifier: MIT
#include "analysis/compare/judge.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>

#include "analysis/rank_test.hpp"
#include "analysis/statistics.hpp"

namespace notifier::analysis {
namespace {

using Figures = std::vector<RunFigure>;
using Boots = std::map<std::string, std::vector<double>>;

constexpr std::size_t kSmallestCountForBrunnerMunzel = 10;
constexpr double kUnequalSpreads = 2;

Boots by_boot(const Figures& figures) {
  Boots boots;
  for (const RunFigure& figure : figures) boots[figure.boot_id].push_back(figure.value);
  return boots;
}

// Runs are the replicates when each boot holds as many runs of one side as of the other, share by
// share: then a boot's peculiarity falls on both sides alike. An unknown boot counts as one boot.
Replicate choose_replicate(const Boots& old_boots, const Boots& new_boots) {
  if (old_boots.size() != new_boots.size()) return Replicate::kBoot;
  std::set<double> ratios;
  for (const auto& [boot, runs] : old_boots) {
    const auto other = new_boots.find(boot);
    if (other == new_boots.end()) return Replicate::kBoot;
    ratios.insert(static_cast<double>(runs.size()) / static_cast<double>(other->second.size()));
  }
  return ratios.size() == 1 ? Replicate::kRun : Replicate::kBoot;
}

std::vector<double> values_of(const Figures& figures) {
  std::vector<double> values;
  values.reserve(figures.size());
  for (const RunFigure& figure : figures) values.push_back(figure.value);
  return values;
}

std::vector<double> boot_medians(const Boots& boots) {
  std::vector<double> medians;
  for (const auto& [boot, runs] : boots) medians.push_back(*median(runs));
  return medians;
}

double sum_of_squares(std::span<const double> values) {
  if (values.empty()) return 0;
  const double centre = *mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return sum;
}

double pooled_deviation(std::span<const double> a, std::span<const double> b) {
  if (a.size() + b.size() <= 2) return 0;
  return std::sqrt((sum_of_squares(a) + sum_of_squares(b)) /
                   static_cast<double>(a.size() + b.size() - 2));
}

// A robust spread, so that one spike does not make the spreads look unequal.
double interquartile_range(std::span<const double> values) {
  return *quantile(values, 0.75) - *quantile(values, 0.25);
}

void add_rank_test(std::span<const double> a, std::span<const double> b,
                   const JudgeOptions& options, Judgement& judgement) {
  judgement.test = TestUsed::kRank;
  judgement.p = mann_whitney(a, b)->p;
  judgement.smallest_p = smallest_rank_p(a.size(), b.size());
  judgement.interval = shift_interval(a, b, options.confidence);
  if (!judgement.interval) judgement.obstacle = Obstacle::kFewRuns;
  if (std::min(a.size(), b.size()) < kSmallestCountForBrunnerMunzel) return;
  // Mann and Whitney's p is too small where the spreads differ; the larger of both is safe.
  const double spread_a = interquartile_range(a);
  const double spread_b = interquartile_range(b);
  if (std::max(spread_a, spread_b) <= kUnequalSpreads * std::min(spread_a, spread_b)) return;
  const std::optional<double> other = brunner_munzel_p(a, b);
  if (other && *other > *judgement.p) {
    judgement.p = other;
    judgement.test = TestUsed::kBrunnerMunzel;
  }
}

// Variance between boots from all boots at hand. A lucky small one is lifted to what the runs
// within the boots explain alone.
struct BootVariance {
  double variance = 0;
  std::size_t freedom = 0;
};

BootVariance estimate_boot_variance(std::span<const Boots* const> groups) {
  double between = 0;
  double within = 0;
  std::size_t freedom = 0;
  std::size_t boots_counted = 0;
  double explained = 0;
  std::size_t within_freedom = 0;
  for (const Boots* boots : groups) {
    if (boots->empty()) continue;
    between += sum_of_squares(boot_medians(*boots));
    freedom += boots->size() - 1;
    for (const auto& [boot, runs] : *boots) {
      within += sum_of_squares(runs);
      within_freedom += runs.size() - 1;
      explained += 1.0 / static_cast<double>(runs.size());
      ++boots_counted;
    }
  }
  BootVariance result{0, freedom};
  if (freedom > 0) result.variance = between / static_cast<double>(freedom);
  if (within_freedom > 0) {
    const double run_variance = within / static_cast<double>(within_freedom);
    result.variance =
        std::max(result.variance, run_variance * explained / static_cast<double>(boots_counted));
  }
  return result;
}

void judge_boots(const Boots& old_boots, const Boots& new_boots, const Boots& noise,
                 const JudgeOptions& options, Judgement& judgement) {
  const std::vector<double> a = boot_medians(old_boots);
  const std::vector<double> b = boot_medians(new_boots);
  judgement.smallest_p = smallest_rank_p(a.size(), b.size());
  const double level =
      options.alpha / static_cast<double>(std::max<std::size_t>(1, options.family_size));
  if (judgement.smallest_p <= level) {
    add_rank_test(a, b, options, judgement);
    return;
  }
  const std::vector<const Boots*> groups = {&old_boots, &new_boots, &noise};
  const BootVariance boot = estimate_boot_variance(groups);
  if (boot.freedom < kSmallestBootFreedom) {
    judgement.obstacle = Obstacle::kFewBoots;
    return;
  }
  const double error = std::sqrt(
      boot.variance * (1.0 / static_cast<double>(a.size()) + 1.0 / static_cast<double>(b.size())));
  const KnownVarianceShift known = shift_with_known_variance(
      judgement.effect, error, static_cast<double>(boot.freedom), options.confidence);
  judgement.test = TestUsed::kBootVariance;
  judgement.interval = known.interval;
  judgement.p = known.p;
  judgement.smallest_p = 0;
}

bool all_positive(const Figures& figures) {
  return std::all_of(figures.begin(), figures.end(),
                     [](const RunFigure& figure) { return figure.value > 0; });
}

Figures logs_of(Figures figures) {
  for (RunFigure& figure : figures) figure.value = std::log(figure.value);
  return figures;
}

void set_margin(double absolute_floor, const JudgeOptions& options, Judgement& judgement) {
  if (judgement.scale == Scale::kRatio) {
    judgement.margin = std::max(std::log1p(options.minimum_effect),
                                std::log1p(absolute_floor / judgement.old_figure));
  } else {
    judgement.margin =
        std::max(options.minimum_effect * std::abs(judgement.old_figure), absolute_floor);
  }
}

}  // namespace

Judgement judge(const JudgeInput& input, const JudgeOptions& options) {
  const bool is_ratio = all_positive(input.old_runs) && all_positive(input.new_runs) &&
                        all_positive(input.boot_noise);
  const auto scaled = [&](const Figures& figures) { return is_ratio ? logs_of(figures) : figures; };
  const Boots old_boots = by_boot(scaled(input.old_runs));
  const Boots new_boots = by_boot(scaled(input.new_runs));
  Judgement judgement;
  judgement.scale = is_ratio ? Scale::kRatio : Scale::kAbsolute;
  judgement.replicate = choose_replicate(old_boots, new_boots);
  const bool by_run = judgement.replicate == Replicate::kRun;
  const auto a = by_run ? values_of(scaled(input.old_runs)) : boot_medians(old_boots);
  const auto b = by_run ? values_of(scaled(input.new_runs)) : boot_medians(new_boots);
  judgement.old_replicates = a.size();
  judgement.new_replicates = b.size();
  judgement.effect = *hodges_lehmann_shift(a, b);
  judgement.dominance = *cliffs_delta(a, b);
  judgement.spread = pooled_deviation(a, b);
  judgement.old_figure = is_ratio ? std::exp(*median(a)) : *median(a);
  judgement.new_figure = is_ratio ? std::exp(*median(b)) : *median(b);
  set_margin(input.absolute_floor, options, judgement);
  if (by_run) {
    add_rank_test(a, b, options, judgement);
  } else {
    judge_boots(old_boots, new_boots, by_boot(scaled(input.boot_noise)), options, judgement);
  }
  return judgement;
}

bool lies_above_margin(const Judgement& judgement) {
  return judgement.interval && judgement.interval->low > judgement.margin;
}

bool lies_below_margin(const Judgement& judgement) {
  return judgement.interval && judgement.interval->high < -judgement.margin;
}

bool lies_within_margin(const Judgement& judgement) {
  return judgement.interval && judgement.interval->low >= -judgement.margin &&
         judgement.interval->high <= judgement.margin;
}

std::string_view to_word(TestUsed test) {
  switch (test) {
    case TestUsed::kNone:
      return "none";
    case TestUsed::kRank:
      return "rank";
    case TestUsed::kBrunnerMunzel:
      return "brunner_munzel";
    case TestUsed::kBootVariance:
      return "boot_variance";
  }
  return "none";
}

std::string_view to_word(Replicate replicate) {
  return replicate == Replicate::kRun ? "run" : "boot";
}

}  // namespace notifier::analysis
