// SPDX-License-Identifier: MIT
#include "analysis/compare/false_alarms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

#include "analysis/compare/selection.hpp"
#include "analysis/proportion.hpp"
#include "analysis/random.hpp"

namespace notifier::analysis {
namespace {

constexpr std::size_t kFewestBootsToSplit = 8;
constexpr std::size_t kFewestRuns = 4;

// What is dealt to one side or the other: a run of a recording, or a boot.
std::string unit_of(const CaseRun& run, bool by_boot) {
  if (by_boot) return run.identity.boot_id;
  return run.identity.boot_id + "\n" + std::to_string(run.recording) + "\n" +
         std::to_string(run.identity.run);
}

std::string stratum_of(const CaseRun& run, bool by_boot) {
  return by_boot ? std::string() : run.identity.boot_id;
}

// Deals each stratum's units in random order to the two sides in turn; an odd one goes to either.
std::set<std::string> draw_half(const std::map<std::string, std::set<std::string>>& strata,
                                Random& random) {
  std::set<std::string> half;
  for (const auto& [stratum, units] : strata) {
    std::vector<std::string> order(units.begin(), units.end());
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    for (std::size_t i = random.below(2); i < order.size(); i += 2) half.insert(order[i]);
  }
  return half;
}

bool is_alarm(const Row& row) {
  return row.verdict == Verdict::kWorse || row.verdict == Verdict::kBetter;
}

void count(const Comparison& comparison, FalseAlarms& alarms) {
  bool any_row = false;
  bool any_gate = false;
  for (const Row& row : comparison.rows) {
    if (!row.p) continue;
    ++alarms.rows;
    alarms.rows_alarmed += is_alarm(row) ? 1 : 0;
    alarms.rows_same += row.verdict == Verdict::kSame ? 1 : 0;
    any_row = any_row || is_alarm(row);
    any_gate = any_gate || row.gate == Gate::kRegression || row.gate == Gate::kImprovement;
  }
  alarms.splits_with_report_alarm += any_row ? 1 : 0;
  alarms.splits_with_gate_alarm += any_gate ? 1 : 0;
}

}  // namespace

FalseAlarms measure_false_alarms(const RunSet& runs, const CompareOptions& options,
                                 std::size_t splits, std::uint64_t seed) {
  std::set<std::string> boots;
  for (const CaseRun& run : runs.runs) boots.insert(run.identity.boot_id);
  const bool by_boot = boots.size() >= kFewestBootsToSplit;
  std::map<std::string, std::set<std::string>> strata;
  std::set<std::string> units;
  for (const CaseRun& run : runs.runs) {
    strata[stratum_of(run, by_boot)].insert(unit_of(run, by_boot));
    units.insert(unit_of(run, by_boot));
  }
  if (units.size() < kFewestRuns) {
    throw std::invalid_argument("at least four runs are needed to compare them with each other");
  }
  CompareOptions forced = options;
  forced.force = true;  // one configuration: whatever differs within it is noise
  FalseAlarms alarms;
  alarms.splits = splits;
  alarms.split_by = by_boot ? "boot" : "run";
  Random random(seed);
  for (std::size_t i = 0; i < splits; ++i) {
    const std::set<std::string> half = draw_half(strata, random);
    const auto in_half = [&](const CaseRun& run) { return half.contains(unit_of(run, by_boot)); };
    // selection renumbers recordings only in its result
    const RunSet old_runs =
        select_runs(runs, [&](const CaseRun& run, const RecordingInfo&) { return in_half(run); });
    const RunSet new_runs =
        select_runs(runs, [&](const CaseRun& run, const RecordingInfo&) { return !in_half(run); });
    count(compare(old_runs, new_runs, {}, forced), alarms);
  }
  alarms.gate_rate = proportion_interval(alarms.splits_with_gate_alarm, splits, 0.95);
  return alarms;
}

std::string false_alarms_report(const FalseAlarms& alarms) {
  const auto share = [](std::size_t part, std::size_t whole) {
    return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  };
  return fmt::format(
      "A/A: {} random splits by {}, nothing differs between the halves.\n"
      "  gate alarms        {} of {} splits ({:.1f} %, 95 % interval {:.1f} to {:.1f} %)\n"
      "  any row alarmed    {} of {} splits ({:.1f} %)\n"
      "  rows alarmed       {} of {} ({:.3f} %)\n"
      "  rows shown as same {} of {} ({:.1f} %)\n",
      alarms.splits, alarms.split_by, alarms.splits_with_gate_alarm, alarms.splits,
      share(alarms.splits_with_gate_alarm, alarms.splits), alarms.gate_rate.low * 100,
      alarms.gate_rate.high * 100, alarms.splits_with_report_alarm, alarms.splits,
      share(alarms.splits_with_report_alarm, alarms.splits), alarms.rows_alarmed, alarms.rows,
      share(alarms.rows_alarmed, alarms.rows), alarms.rows_same, alarms.rows,
      share(alarms.rows_same, alarms.rows));
}

}  // namespace notifier::analysis
