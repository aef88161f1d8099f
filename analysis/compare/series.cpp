// SPDX-License-Identifier: MIT
#include "analysis/compare/series.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "analysis/bootstrap.hpp"
#include "analysis/compare/run_quantiles.hpp"
#include "analysis/metrics.hpp"
#include "analysis/random.hpp"
#include "analysis/statistics.hpp"

namespace notifier::analysis {
namespace {

// Below, percentile intervals cover too little (0.82 instead of 0.95 at 5 runs in simulation).
constexpr std::size_t kSmallestCountForBootstrap = 10;
// Where an interval longer or shorter by this share of itself at each end would say something else,
// the two-level bootstrap is worth its time.
constexpr double kNearMargin = 0.1;

std::size_t count_boots(const Runs& runs) {
  std::set<std::string> boots;
  for (const CaseRun* run : runs) boots.insert(run->identity.boot_id);
  return boots.size();
}

std::int64_t count_events(const Runs& runs, const std::string& metric) {
  std::int64_t events = 0;
  for (const CaseRun* run : runs) events += find_metric_values(*run, metric)->n;
  return events;
}

// What a difference must exceed whatever its ratio.
double absolute_floor(const std::string& name, const Runs& old_runs, const Runs& new_runs,
                      const CompareOptions& options) {
  const std::optional<Metric> metric = find_metric(name);
  if (!metric) return 0;
  switch (info(*metric).clocks) {
    case Clocks::kNone:
      return 0.5;  // of a count
    case Clocks::kOne:
      return options.floor_ns;
    case Clocks::kSeveral:
      break;
  }
  double floor = options.floor_ns;
  for (const Runs* side : {&old_runs, &new_runs}) {
    std::vector<double> residuals;
    for (const CaseRun* run : *side) {
      const auto& residual = find_metric_values(*run, name)->clock_residual_ns;
      if (residual) residuals.push_back(*residual);
    }
    floor = std::max(floor, median(residuals).value_or(0));
  }
  return floor;
}

class SeriesJudge {
 public:
  SeriesJudge(const CasePair& pair, const std::string& metric, const CompareOptions& options)
      : pair_(pair),
        metric_(metric),
        options_(options),
        old_runs_(runs_with_metric(pair.old_runs, metric)),
        new_runs_(runs_with_metric(pair.new_runs, metric)),
        noise_(runs_with_metric(pair.boot_noise, metric)) {}

  std::vector<Row> rows() {
    base_ = make_base();
    if (base_.better == Better::kNone) return {};
    if (const std::string reason = why_not(); !reason.empty()) {
      base_.statistic = "p50";
      base_.verdict = Verdict::kNotComparable;
      base_.reason = reason;
      return {base_};
    }
    floor_ = absolute_floor(metric_, old_runs_, new_runs_, options_);
    old_ = RunQuantiles(old_runs_, metric_);
    new_ = RunQuantiles(new_runs_, metric_);
    noise_quantiles_ = RunQuantiles(noise_, metric_);
    judge_statistics();
    return std::move(rows_);
  }

 private:
  Row make_base() const {
    Row row = make_case_row(pair_);
    row.metric = metric_;
    row.old_runs = old_runs_.size();
    row.new_runs = new_runs_.size();
    row.old_boots = count_boots(old_runs_);
    row.new_boots = count_boots(new_runs_);
    row.old_events = count_events(old_runs_, metric_);
    row.new_events = count_events(new_runs_, metric_);
    std::size_t headline = 0;
    std::size_t total = 0;
    for (const Runs* side : {&new_runs_, &old_runs_}) {
      for (const CaseRun* run : *side) {
        const MetricValues& values = *find_metric_values(*run, metric_);
        row.unit = values.unit;
        row.better = values.better;
        headline += values.headline ? 1 : 0;
        ++total;
      }
    }
    row.headline = 2 * headline > total;
    return row;
  }

  std::string why_not() const {
    if (old_runs_.empty()) return "only in new";
    if (new_runs_.empty()) return "only in old";
    std::set<std::string> units;
    for (const Runs* side : {&old_runs_, &new_runs_}) {
      for (const CaseRun* run : *side) units.insert(find_metric_values(*run, metric_)->unit);
    }
    if (units.size() > 1) return "units differ: " + *units.begin() + ", " + *units.rbegin();
    return find_incomparable(pair_);
  }

  void judge_statistics() {
    const bool common_events = old_.has_events() && new_.has_events();
    const std::int64_t fewest = std::min(old_.fewest_events(), new_.fewest_events());
    judge_quantile(0.5, "p50", common_events);
    if (fewest >= kSmallestCountForP90) judge_quantile(0.9, "p90", common_events);
    if (fewest >= static_cast<std::int64_t>(kSmallestCountForP99)) {
      judge_quantile(0.99, "p99", common_events);
    }
    const bool by_run = !rows_.empty() && rows_.front().judgement->replicate == Replicate::kRun;
    if (common_events && by_run) judge_shape();
  }

  void judge_quantile(double probability, const char* statistic, bool use_events) {
    JudgeInput input;
    input.absolute_floor = floor_;
    const bool complete = old_.figures(probability, use_events, input.old_runs) &&
                          new_.figures(probability, use_events, input.new_runs);
    if (!complete) return;
    if (!noise_quantiles_.figures(probability, use_events && noise_quantiles_.has_events(),
                                  input.boot_noise)) {
      input.boot_noise.clear();
    }
    Row row = base_;
    row.statistic = statistic;
    row.judgement = judge(input, options_.judge);
    row.p = row.judgement->p;
    row.interval_kind = row.judgement->test == TestUsed::kBootVariance ? "t" : "rank";
    if (use_events) add_bootstrap(probability, row);
    rows_.push_back(std::move(row));
  }

  // Only where runs are the replicates and there are enough of them.
  void add_bootstrap(double probability, Row& row) {
    Judgement& judgement = *row.judgement;
    const std::size_t fewest = std::min(judgement.old_replicates, judgement.new_replicates);
    if (judgement.replicate != Replicate::kRun || fewest < kSmallestCountForBootstrap) return;
    const bool is_ratio = judgement.scale == Scale::kRatio;
    if (is_ratio && !(old_.has_logs() && new_.has_logs())) return;
    const std::vector<double> a = old_.harrell_davis(probability, is_ratio);
    const std::vector<double> b = new_.harrell_davis(probability, is_ratio);
    const BootstrapOptions bootstrap{
        options_.resamples, options_.judge.confidence,
        hash_text(pair_.case_name + "\n" + metric_ + "\n" + row.statistic)};
    Interval interval = bootstrap_runs(a, b, bootstrap);
    std::string kind = "bootstrap_runs";
    if (wants_events(interval, judgement, row.statistic)) {
      interval = event_interval(probability, is_ratio);
      kind = "bootstrap_events";
    }
    if (row.statistic == "p50") {
      row.quantile_bootstrap = interval;
      return;
    }
    judgement.effect = median_of_runs(b) - median_of_runs(a);
    judgement.interval = interval;
    row.interval_kind = kind;
  }

  // All quantiles at once, for drawing events is what takes time.
  Interval event_interval(double probability, bool as_logs) {
    auto& intervals = event_intervals_[as_logs];
    if (intervals.empty()) {
      std::vector<double> probabilities{0.5, 0.9, 0.99};
      const std::int64_t fewest = std::min(old_.fewest_events(), new_.fewest_events());
      if (fewest < static_cast<std::int64_t>(kSmallestCountForP99)) probabilities.pop_back();
      const BootstrapOptions bootstrap{options_.resamples, options_.judge.confidence,
                                       hash_text(pair_.case_name + "\n" + metric_)};
      const std::vector<Interval> computed = bootstrap_events(
          old_.sorted_events(as_logs), new_.sorted_events(as_logs), probabilities, bootstrap);
      for (std::size_t i = 0; i < computed.size(); ++i) intervals[probabilities[i]] = computed[i];
    }
    return intervals.at(probability);
  }

  bool wants_events(const Interval& interval, const Judgement& judgement,
                    const std::string& statistic) const {
    if (options_.bootstrap != BootstrapLevel::kAuto) {
      return options_.bootstrap == BootstrapLevel::kEvents;
    }
    if (statistic == "p50") return false;  // its verdict rests on the rank interval
    const double near = kNearMargin * (interval.high - interval.low);
    return conclusion({interval.low + near, interval.high - near}, judgement.margin) !=
           conclusion({interval.low - near, interval.high + near}, judgement.margin);
  }

  // -1 below, 0 within, 1 above the margin, 2 neither.
  static int conclusion(const Interval& interval, double margin) {
    if (interval.high < -margin) return -1;
    if (interval.low > margin) return 1;
    return interval.low >= -margin && interval.high <= margin ? 0 : 2;
  }

  void judge_shape() {
    const auto change = compare_occupancy(old_.sorted_events(false), new_.sorted_events(false));
    if (!change) return;
    Row row = base_;
    row.statistic = "shape";
    row.headline = false;
    row.occupancy = change;
    row.p = std::min(1.0, change->p);
    rows_.push_back(std::move(row));
  }

  const CasePair& pair_;
  const std::string& metric_;
  const CompareOptions& options_;
  Runs old_runs_;
  Runs new_runs_;
  Runs noise_;
  Row base_;
  double floor_ = 0;
  RunQuantiles old_;
  RunQuantiles new_;
  RunQuantiles noise_quantiles_;
  std::map<bool, std::map<double, Interval>> event_intervals_;  // by scale, by probability
  std::vector<Row> rows_;
};

}  // namespace

Row make_case_row(const CasePair& pair) {
  Row row;
  row.machine = pair.machine;
  row.device = pair.device;
  row.case_name = pair.case_name;
  row.old_runs = pair.old_runs.size();
  row.new_runs = pair.new_runs.size();
  row.old_boots = count_boots(pair.old_runs);
  row.new_boots = count_boots(pair.new_runs);
  return row;
}

std::vector<Row> judge_series(const CasePair& pair, const std::string& metric,
                              const CompareOptions& options) {
  return SeriesJudge(pair, metric, options).rows();
}

}  // namespace notifier::analysis
