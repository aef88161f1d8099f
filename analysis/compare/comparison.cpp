// SPDX-License-Identifier: MIT
#include "analysis/compare/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include "analysis/compare/notes.hpp"
#include "analysis/compare/outcome_rows.hpp"
#include "analysis/compare/pairing.hpp"
#include "analysis/compare/parallel.hpp"
#include "analysis/compare/series.hpp"
#include "analysis/compare/verdict.hpp"
#include "analysis/correction.hpp"
#include "analysis/metrics.hpp"

namespace notifier::analysis {
namespace {

constexpr int kNoHeadline = 1000;

int headline_rank(const Row& row) {
  const std::optional<Metric> metric = find_metric(row.metric);
  return metric && info(*metric).headline_order != 0 ? info(*metric).headline_order : kNoHeadline;
}

// Sides may disagree on the headline (no stall was defined on one): then the order of the metric
// table decides among those that either side names.
void keep_one_headline(std::vector<Row>& rows) {
  Row* chosen = nullptr;
  for (Row& row : rows) {
    if (!row.headline || !row.judgement || row.statistic != "p50") continue;
    if (chosen == nullptr || headline_rank(row) < headline_rank(*chosen)) chosen = &row;
  }
  for (Row& row : rows) row.headline = &row == chosen;
}

std::vector<Row> judge_case(const CasePair& pair, const CompareOptions& options) {
  std::vector<Row> rows;
  if (!pair.old_runs.empty() && !pair.new_runs.empty()) {
    const std::string changes = describe_changes(pair);
    for (const std::string& metric : metrics_of(pair)) {
      for (Row& row : judge_series(pair, metric, options)) {
        if (row.reason.empty()) row.reason = changes;
        rows.push_back(std::move(row));
      }
    }
    keep_one_headline(rows);
  }
  for (Row& row : judge_outcome(pair)) rows.push_back(std::move(row));
  const std::string command = reproducing_command(pair);
  for (Row& row : rows) row.command = command;
  return rows;
}

// The gate's family decides whether a rank test of boots can ever be enough, so its size must be
// known before the first row is judged: the cases that ran on both sides.
std::size_t count_gate_family(const std::vector<CasePair>& pairs) {
  return static_cast<std::size_t>(
      std::count_if(pairs.begin(), pairs.end(), [](const CasePair& pair) {
        const auto has_values = [](const Runs& runs) {
          return std::any_of(runs.begin(), runs.end(),
                             [](const CaseRun* run) { return !run->metrics.empty(); });
        };
        return has_values(pair.old_runs) && has_values(pair.new_runs);
      }));
}

// Puts each corrected value where it belongs.
template <typename Belongs, typename Adjust>
std::size_t correct(std::vector<Row>& rows, std::optional<double> Row::*target, Belongs belongs,
                    Adjust adjust) {
  std::vector<double> p_values;
  std::vector<Row*> members;
  for (Row& row : rows) {
    if (!row.p || !belongs(row)) continue;
    p_values.push_back(*row.p);
    members.push_back(&row);
  }
  const std::vector<double> adjusted = adjust(p_values);
  for (std::size_t i = 0; i < members.size(); ++i) members[i]->*target = adjusted[i];
  return members.size();
}

double size_of_effect(const Row& row) {
  if (row.occupancy) return row.occupancy->largest_change;
  if (!row.judgement) return 0;
  const Judgement& judgement = *row.judgement;
  if (judgement.scale == Scale::kRatio) return std::abs(judgement.effect);
  return judgement.margin > 0 ? std::abs(judgement.effect) / judgement.margin : 0;
}

// Gate regressions, then broken rows and report-only verdicts, most important first.
int relevance(const Row& row) {
  if (row.verdict == Verdict::kBroken) return 0;
  if (row.gate == Gate::kRegression) return 1;
  if (row.verdict == Verdict::kWorse) return row.headline ? 2 : 3;
  if (row.gate == Gate::kImprovement || row.verdict == Verdict::kRepaired) return 4;
  if (row.verdict == Verdict::kBetter) return 5;
  if (row.verdict == Verdict::kUndecided) return row.headline ? 6 : 7;
  if (row.verdict == Verdict::kNotComparable) return 8;
  return 9;
}

void sort_by_relevance(std::vector<Row>& rows) {
  // Rows come in the order of case and metric, which breaks ties.
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    const int first = relevance(a);
    const int second = relevance(b);
    if (first != second) return first < second;
    return size_of_effect(a) > size_of_effect(b);
  });
}

bool matters(const EnvironmentDifference& difference) {
  return difference.kind == DifferenceKind::kMatters;
}

}  // namespace

Comparison compare(const RunSet& old_runs, const RunSet& new_runs, const RunSet& boot_noise,
                   const CompareOptions& options) {
  Comparison comparison;
  comparison.environment = compare_environments(old_runs, new_runs, options.varied);
  comparison.notes = describe_data(old_runs, new_runs);
  const bool undeclared = std::any_of(comparison.environment.begin(), comparison.environment.end(),
                                      [](const auto& difference) { return matters(difference); });
  comparison.refused = undeclared && !options.force;
  if (comparison.refused) return comparison;

  const std::vector<CasePair> pairs =
      pair_cases(old_runs, new_runs, boot_noise, options.varied, options.force);
  CompareOptions sized = options;
  sized.judge.family_size = std::max<std::size_t>(1, count_gate_family(pairs));
  std::vector<std::vector<Row>> rows_by_case(pairs.size());
  run_in_parallel(pairs.size(),
                  [&](std::size_t i) { rows_by_case[i] = judge_case(pairs[i], sized); });
  for (std::vector<Row>& rows : rows_by_case) {
    std::move(rows.begin(), rows.end(), std::back_inserter(comparison.rows));
  }
  comparison.report_family = correct(
      comparison.rows, &Row::q, [](const Row&) { return true; }, adjust_benjamini_hochberg);
  comparison.gate_family = correct(
      comparison.rows, &Row::p_gate, [](const Row& row) { return row.headline; }, adjust_holm);
  sized.judge.family_size = std::max(sized.judge.family_size, comparison.gate_family);
  for (Row& row : comparison.rows) decide(row, sized.judge, comparison.report_family);
  sort_by_relevance(comparison.rows);
  return comparison;
}

Outcome count_gate(const Comparison& comparison) {
  Outcome outcome;
  for (const Row& row : comparison.rows) {
    if (row.verdict == Verdict::kNotComparable) ++outcome.not_comparable;
    if (row.gate == Gate::kRegression) ++outcome.regressions;
    if (row.gate == Gate::kImprovement) ++outcome.improvements;
    if (row.gate == Gate::kSame) ++outcome.same;
    if (row.gate == Gate::kUndecided) ++outcome.undecided;
  }
  return outcome;
}

int exit_code(const Comparison& comparison, bool strict) {
  constexpr int kRegression = 1;
  constexpr int kCannotSay = 3;
  if (comparison.refused) return kCannotSay;
  const Outcome outcome = count_gate(comparison);
  if (outcome.regressions > 0) return kRegression;
  const bool nothing = outcome.improvements + outcome.same + outcome.undecided == 0;
  if (nothing) return kCannotSay;
  return strict && outcome.undecided + outcome.not_comparable > 0 ? kCannotSay : 0;
}

int bisect_exit_code(const Comparison& comparison) {
  constexpr int kBad = 1;
  constexpr int kSkip = 125;
  const int strict = exit_code(comparison, true);
  return strict == 0 || strict == kBad ? strict : kSkip;
}

}  // namespace notifier::analysis
