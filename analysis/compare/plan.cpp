// SPDX-License-Identifier: MIT
#include "analysis/compare/plan.hpp"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <map>
#include <set>

#include "analysis/compare/pairing.hpp"
#include "analysis/compare/parallel.hpp"
#include "analysis/compare/power.hpp"
#include "analysis/statistics.hpp"

namespace notifier::analysis {
namespace {

constexpr double kAssurance = 0.8;

// Upper limit of the standard deviation behind `sum` with that many degrees of freedom.
std::optional<double> upper_deviation(double sum, std::size_t freedom) {
  if (freedom == 0) return std::nullopt;
  const boost::math::chi_squared distribution(static_cast<double>(freedom));
  return std::sqrt(sum / quantile(distribution, 1 - kAssurance));
}

double squares(const std::vector<double>& values) {
  const double centre = *mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return sum;
}

std::optional<std::string> find_headline(const Runs& runs) {
  std::map<std::string, std::size_t> votes;
  for (const CaseRun* run : runs) {
    for (const MetricValues& values : run->metrics) {
      if (values.headline && values.n > 0) ++votes[values.metric];
    }
  }
  const auto most = std::max_element(
      votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == votes.end()) return std::nullopt;
  return most->first;
}

// Log medians of the runs by boot; empty when one is not positive.
std::map<std::string, std::vector<double>> logs_by_boot(const Runs& runs,
                                                        const std::string& metric) {
  std::map<std::string, std::vector<double>> logs;
  for (const CaseRun* run : runs) {
    const double value = find_metric_values(*run, metric)->p50.value_or(0);
    if (!(value > 0)) return {};
    logs[run->identity.boot_id].push_back(std::log(value));
  }
  return logs;
}

void learn_noise(const std::map<std::string, std::vector<double>>& logs, PlanRow& row) {
  double within = 0;
  std::size_t freedom = 0;
  std::vector<double> medians;
  for (const auto& [boot, values] : logs) {
    within += squares(values);
    freedom += values.size() - 1;
    medians.push_back(*median(values));
  }
  row.run_noise = upper_deviation(within, freedom);
  row.boot_noise = upper_deviation(squares(medians), medians.size() - 1);
}

PlanRow plan_case(const CasePair& pair, const PlanOptions& options, std::size_t family_size) {
  PlanRow row;
  row.machine = pair.machine;
  row.case_name = pair.case_name;
  const std::optional<std::string> metric = find_headline(pair.old_runs);
  if (!metric) {
    row.reason = "no run has a headline metric";
    return row;
  }
  row.metric = *metric;
  const Runs runs = runs_with_metric(pair.old_runs, *metric);
  row.runs = runs.size();
  const auto logs = logs_by_boot(runs, *metric);
  row.boots = logs.size();
  if (logs.empty()) {
    row.reason = "a run's median is 0: a relative change means nothing";
    return row;
  }
  learn_noise(logs, row);
  std::vector<double> durations;
  for (const CaseRun* run : runs) {
    if (run->identity.duration_s) durations.push_back(*run->identity.duration_s);
  }
  row.seconds_per_run = median(durations);
  if (!row.run_noise) {
    row.reason = "one run a boot says nothing about noise";
    return row;
  }
  const JudgeOptions& judge = options.compare.judge;
  const PowerQuestion question{
      *row.run_noise, std::log1p(options.effect), std::log1p(judge.minimum_effect),
      judge.alpha,    judge.confidence,           family_size};
  row.runs_needed = runs_for_power(question, options.power);
  if (!row.runs_needed) row.reason = "too noisy, or the effect is not above the minimum effect";
  const double detectable = detectable_effect(question, row.runs, options.power);
  if (std::isfinite(detectable)) row.detectable = std::expm1(detectable);
  row.run_noise = std::expm1(*row.run_noise);
  if (row.boot_noise) row.boot_noise = std::expm1(*row.boot_noise);
  return row;
}

}  // namespace

Plan make_plan(const RunSet& runs, const PlanOptions& options) {
  const std::vector<CasePair> pairs = pair_cases(runs, {}, {}, options.compare.varied, false);
  Plan plan;
  plan.family_size =
      static_cast<std::size_t>(std::count_if(pairs.begin(), pairs.end(), [](const CasePair& pair) {
        return find_headline(pair.old_runs).has_value();
      }));
  plan.rows.resize(pairs.size());
  run_in_parallel(pairs.size(), [&](std::size_t i) {
    plan.rows[i] = plan_case(pairs[i], options, plan.family_size);
  });
  for (const PlanRow& row : plan.rows) {
    if (!row.runs_needed || !row.seconds_per_run) continue;
    plan.total_seconds += 2 * static_cast<double>(*row.runs_needed) * *row.seconds_per_run;
  }
  return plan;
}

}  // namespace notifier::analysis
