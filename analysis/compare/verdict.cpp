// SPDX-License-Identifier: MIT
#include "analysis/compare/verdict.hpp"

#include <fmt/format.h>

#include <cmath>

#include "analysis/compare/power.hpp"
#include "analysis/rank_test.hpp"

namespace notifier::analysis {
namespace {

void add_reason(Row& row, const std::string& reason) {
  if (reason.empty()) return;
  row.reason = row.reason.empty() ? reason : reason + "; " + row.reason;
}

Verdict directed(bool rises, Better better) {
  return rises == (better == Better::kLower) ? Verdict::kWorse : Verdict::kBetter;
}

std::string describe_obstacle(const Row& row, const JudgeOptions& options) {
  const Judgement& judgement = *row.judgement;
  switch (judgement.obstacle) {
    case Obstacle::kFewBoots:
      return fmt::format(
          "boot: {} against {} boots, {} wanted a side (or --boot-noise with {} boots in all)",
          judgement.old_replicates, judgement.new_replicates,
          fewest_runs_for_level(options.alpha, options.family_size), kSmallestBootFreedom + 1);
    case Obstacle::kFewRuns:
      return fmt::format("few {}s: {} against {} give no 95 % interval",
                         to_word(judgement.replicate), judgement.old_replicates,
                         judgement.new_replicates);
    case Obstacle::kNone:
      break;
  }
  return {};
}

void decide_quantile(Row& row, const JudgeOptions& options, std::size_t report_family) {
  const Judgement& judgement = *row.judgement;
  const bool significant = row.q && *row.q <= options.alpha;
  const bool above = lies_above_margin(judgement);
  const bool below = lies_below_margin(judgement);
  if ((above || below) && significant) {
    row.verdict = directed(above, row.better);
    return;
  }
  if (lies_within_margin(judgement)) {
    row.verdict = Verdict::kSame;
    return;
  }
  row.verdict = Verdict::kUndecided;
  row.further = further_replicates(judgement, options);
  std::string reason = describe_obstacle(row, options);
  if (reason.empty() && (above || below)) {
    reason = fmt::format("not significant among {} tests", report_family);
  }
  if (reason.empty()) reason = "the interval reaches across the minimum effect";
  add_reason(row, reason);
}

// Holm's correction multiplies the smallest p by the size of the family.
void decide_gate(Row& row, const JudgeOptions& options) {
  const Judgement& judgement = *row.judgement;
  const bool significant = row.p_gate && *row.p_gate <= options.alpha;
  if (row.verdict == Verdict::kSame) {
    row.gate = Gate::kSame;
  } else if (row.verdict == Verdict::kWorse && significant) {
    row.gate = Gate::kRegression;
  } else if (row.verdict == Verdict::kBetter && significant) {
    row.gate = Gate::kImprovement;
  } else {
    row.gate = Gate::kUndecided;
    const auto family = static_cast<double>(options.family_size);
    if (row.p && judgement.smallest_p * family > options.alpha) {
      add_reason(
          row, fmt::format("family: among {} cases no p of {} against {} {}s can be small enough "
                           "for the gate, {} a side can",
                           options.family_size, judgement.old_replicates, judgement.new_replicates,
                           to_word(judgement.replicate),
                           fewest_runs_for_level(options.alpha, options.family_size)));
    } else if (row.verdict != Verdict::kUndecided) {
      add_reason(row,
                 fmt::format("not significant for the gate among {} cases", options.family_size));
    }
    if (!row.further) row.further = further_replicates(judgement, options);
  }
}

// Whether events moved to larger values: compares the sides' mean logs by bucket.
bool shape_rises(const OccupancyChange& change) {
  double shift = 0;
  for (const Bucket& bucket : change.buckets) {
    shift += (bucket.share_b - bucket.share_a) * std::log(bucket.low);
  }
  return shift > 0;
}

void decide_shape(Row& row, const JudgeOptions& options) {
  const bool moved = row.occupancy->largest_change >= kSmallestShareChange;
  const bool significant = row.q && *row.q <= options.alpha;
  if (moved && significant) {
    row.verdict = directed(shape_rises(*row.occupancy), row.better);
  } else {
    row.verdict = moved ? Verdict::kUndecided : Verdict::kSame;
    if (moved) add_reason(row, "the shares of its values differ, but not significantly");
  }
}

}  // namespace

void decide(Row& row, const JudgeOptions& options, std::size_t report_family) {
  if (row.occupancy) decide_shape(row, options);
  if (!row.judgement) return;
  decide_quantile(row, options, report_family);
  if (row.headline) decide_gate(row, options);
}

std::string_view to_word(Verdict verdict, std::string_view unit) {
  const bool is_time = unit == "ns";
  switch (verdict) {
    case Verdict::kBroken:
      return "broken";
    case Verdict::kWorse:
      return is_time ? "slower" : "worse";
    case Verdict::kBetter:
      return is_time ? "faster" : "better";
    case Verdict::kRepaired:
      return "repaired";
    case Verdict::kUndecided:
      return "undecided";
    case Verdict::kNotComparable:
      return "not comparable";
    case Verdict::kSame:
      return "same";
  }
  return "undecided";
}

std::string_view to_word(Gate gate) {
  switch (gate) {
    case Gate::kNotCounted:
      return "";
    case Gate::kRegression:
      return "regression";
    case Gate::kImprovement:
      return "improvement";
    case Gate::kSame:
      return "same";
    case Gate::kUndecided:
      return "undecided";
  }
  return "";
}

}  // namespace notifier::analysis
