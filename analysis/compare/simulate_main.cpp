// SPDX-License-Identifier: MIT
// How often the comparison is wrong, and how often it finds what is there, on data of known
// properties. scripts/simulate_comparison writes its table into docs/measurement-statistics.md.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "analysis/compare/comparison.hpp"
#include "analysis/compare/parallel.hpp"
#include "analysis/compare/simulated_runs.hpp"
#include "analysis/compare/write_recording.hpp"
#include "analysis/proportion.hpp"

namespace notifier::analysis {
namespace {

struct Scenario {
  std::string name;
  SimulatedSide old_side;
  SimulatedSide new_side;
  bool same_boot = true;
  SimulatedSide boot_noise;  // cases = 0: none
  double minimum_effect = 0.03;
};

struct Counts {
  std::size_t repetitions = 0;
  std::size_t gate_alarms = 0;    // repetitions with a regression or improvement that is none
  std::size_t report_alarms = 0;  // the same by the rows' verdicts
  std::size_t found = 0;          // shifted cases that the gate found
  std::size_t reported = 0;       // shifted cases whose headline row is slower
  std::size_t shifted = 0;
  std::size_t shown_same = 0;  // unshifted headline rows
  std::size_t unshifted = 0;
};

bool is_change(const Row& row) {
  return row.verdict == Verdict::kWorse || row.verdict == Verdict::kBetter;
}

Counts run_once(const Scenario& scenario, std::uint64_t seed) {
  const std::string new_boots = scenario.same_boot ? "old" : "new";
  const RunSet old_runs = simulate_runs(scenario.old_side, 3 * seed, "old", "old");
  const RunSet new_runs = simulate_runs(scenario.new_side, 3 * seed + 1, "new", new_boots);
  RunSet boot_noise;
  if (scenario.boot_noise.cases > 0) {
    boot_noise = simulate_runs(scenario.boot_noise, 3 * seed + 2, "noise", "noise");
  }
  CompareOptions options;
  options.judge.minimum_effect = scenario.minimum_effect;
  options.bootstrap =
      BootstrapLevel::kRuns;  // the gate looks at medians; resampled events cost 20 times more
  const Comparison comparison = compare(old_runs, new_runs, boot_noise, options);
  const std::string first_unshifted = fmt::format("case{:04}", scenario.new_side.shifted_cases);
  Counts counts;
  bool gate_alarm = false;
  bool report_alarm = false;
  for (const Row& row : comparison.rows) {
    if (row.case_name < first_unshifted) {
      if (!row.headline) continue;
      ++counts.shifted;
      counts.found += row.gate == Gate::kRegression ? 1 : 0;
      counts.reported += row.verdict == Verdict::kWorse ? 1 : 0;
      continue;
    }
    gate_alarm = gate_alarm || row.gate == Gate::kRegression || row.gate == Gate::kImprovement;
    report_alarm = report_alarm || is_change(row);
    if (!row.headline) continue;
    ++counts.unshifted;
    counts.shown_same += row.verdict == Verdict::kSame ? 1 : 0;
  }
  counts.repetitions = 1;
  counts.gate_alarms = gate_alarm ? 1 : 0;
  counts.report_alarms = report_alarm ? 1 : 0;
  return counts;
}

Counts run_scenario(const Scenario& scenario, std::size_t repetitions) {
  std::vector<Counts> counts(repetitions);
  run_in_parallel(repetitions, [&](std::size_t i) { counts[i] = run_once(scenario, i + 1); });
  Counts total;
  for (const Counts& once : counts) {
    total.repetitions += once.repetitions;
    total.gate_alarms += once.gate_alarms;
    total.report_alarms += once.report_alarms;
    total.found += once.found;
    total.reported += once.reported;
    total.shifted += once.shifted;
    total.shown_same += once.shown_same;
    total.unshifted += once.unshifted;
  }
  return total;
}

std::string share(std::size_t part, std::size_t whole) {
  if (whole == 0) return "-";
  const Interval interval = proportion_interval(part, whole, 0.95);
  return fmt::format("{:.1f} % ({:.1f} to {:.1f})",
                     100.0 * static_cast<double>(part) / static_cast<double>(whole),
                     100 * interval.low, 100 * interval.high);
}

SimulatedSide side_of(std::size_t cases, bool keeps_events) {
  SimulatedSide side;
  side.cases = cases;
  side.keeps_events = keeps_events;
  return side;
}

Scenario same_on_both(const std::string& name, const SimulatedSide& side, double minimum_effect) {
  return {name, side, side, true, {.cases = 0}, minimum_effect};
}

Scenario shifted(const std::string& name, const SimulatedSide& side, double percent) {
  Scenario scenario = same_on_both(name, side, 0.03);
  scenario.new_side.shift = std::log1p(percent / 100);
  scenario.new_side.shifted_cases = side.cases / 25;
  return scenario;
}

Scenario over_boots(const std::string& name, SimulatedSide old_side, SimulatedSide new_side,
                    std::size_t noise_boots) {
  Scenario scenario{name, old_side, new_side, false, old_side, 0.03};
  scenario.boot_noise.boots = noise_boots;
  if (noise_boots == 0) scenario.boot_noise.cases = 0;
  return scenario;
}

std::vector<Scenario> make_scenarios(std::size_t cases, bool with_tails) {
  const SimulatedSide plain = side_of(cases, with_tails);
  // 10 % event noise adds 0.9 % to the noise of a median of 200 events, 2 % adds next to nothing.
  SimulatedSide quiet = plain;
  quiet.event_noise = 0.02;
  SimulatedSide bimodal = plain;
  bimodal.slow_mode_share = 0.3;
  SimulatedSide spiky = plain;
  spiky.run_spike_share = 0.02;
  spiky.event_spike_share = 0.02;
  SimulatedSide all = spiky;
  all.slow_mode_share = 0.3;
  SimulatedSide booted = plain;
  booted.boots = 10;
  booted.runs_per_boot = 3;
  booted.boot_noise = 0.01;
  SimulatedSide one_boot = booted;
  one_boot.boots = 1;
  SimulatedSide one_boot_slower = one_boot;
  one_boot_slower.shift = std::log1p(0.1);
  one_boot_slower.shifted_cases = cases / 25;
  return {
      same_on_both("A/A, log-normal", plain, 0.03),
      same_on_both("A/A, bimodal clocks", bimodal, 0.03),
      same_on_both("A/A, 2 % spikes", spiky, 0.03),
      same_on_both("A/A, all three", all, 0.03),
      same_on_both("A/A, log-normal, minimum effect 0", plain, 0),
      same_on_both("A/A, all three, minimum effect 0", all, 0),
      over_boots("A/A, 10 boots against 10", booted, booted, 0),
      over_boots("A/A, 1 boot against 1, nothing on file", one_boot, one_boot, 0),
      over_boots("A/A, 1 boot against 1, 10 boots on file", one_boot, one_boot, 10),
      shifted("+5 %, medians of runs vary by 1 %", quiet, 5),
      shifted("+5 %, medians of runs vary by 1.3 %", plain, 5),
      shifted("+5 %, 2 % spikes", spiky, 5),
      shifted("+10 %, all three", all, 10),
      over_boots("+10 %, 1 boot against 1, 10 boots on file", one_boot, one_boot_slower, 10),
  };
}

}  // namespace
}  // namespace notifier::analysis

int main(int argc, char** argv) {
  using namespace notifier::analysis;
  CLI::App app{"Simulates comparisons; prints a Markdown table of false alarms and power."};
  std::size_t cases = 500;
  std::size_t repetitions = 200;
  app.add_option("--cases", cases, "Series in each comparison")->capture_default_str();
  app.add_option("--repetitions", repetitions, "Comparisons of each kind")->capture_default_str();
  bool with_tails = false;
  app.add_flag("--tails", with_tails, "Judge p90 too; takes several times as long");
  std::string pattern;
  app.add_option("--data", pattern, "Only kinds of data whose name contains this");
  std::string folder;
  app.add_option("--write", folder,
                 "Write two recordings instead, FOLDER/old and FOLDER/new: 10 runs of 200 events");
  CLI11_PARSE(app, argc, argv);
  if (!folder.empty()) {
    for (const std::string side : {"old", "new"}) {
      write_recording(simulate_runs(side_of(cases, true), side == "old" ? 1 : 2, side, "boot"),
                      std::filesystem::path(folder) / side);
    }
    return 0;
  }
  std::cout
      << "| data | false alarm of the gate | of any row | shift found by the gate | by its row | "
         "shown to be the same |\n|---|---|---|---|---|---|\n";
  for (const Scenario& scenario : make_scenarios(cases, with_tails)) {
    if (scenario.name.find(pattern) == std::string::npos) continue;
    const Counts counts = run_scenario(scenario, repetitions);
    std::cout << fmt::format("| {} | {} | {} | {} | {} | {} |\n", scenario.name,
                             share(counts.gate_alarms, counts.repetitions),
                             share(counts.report_alarms, counts.repetitions),
                             share(counts.found, counts.shifted),
                             share(counts.reported, counts.shifted),
                             share(counts.shown_same, counts.unshifted))
              << std::flush;
  }
  return 0;
}
