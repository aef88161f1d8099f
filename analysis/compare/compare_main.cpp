// SPDX-License-Identifier: MIT
#include <cstdio>
#include <fstream>
#include <iostream>
#include <regex>
#include <stdexcept>

#include "analysis/compare/compare_options.hpp"
#include "analysis/compare/false_alarms.hpp"
#include "analysis/compare/plan.hpp"
#include "analysis/compare/read_input.hpp"
#include "analysis/compare/report.hpp"
#include "analysis/compare/selection.hpp"

namespace notifier::analysis {
namespace {

constexpr int kExitUsage = 2;
constexpr int kExitNotWritten = 4;
constexpr int kExitSkip = 125;
constexpr std::uint64_t kSplitSeed = 1;

struct WriteError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void write_report(const std::string& file, const std::string& text) {
  if (file.empty()) return;
  if (file == "-") {
    std::cout << text;
    return;
  }
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw WriteError(file + ": cannot be written");
}

RunSet narrow(RunSet runs, const CommandLine& options) {
  if (!options.case_pattern.empty()) {
    const std::regex pattern(options.case_pattern);
    runs = select_runs(runs, [&](const CaseRun& run, const RecordingInfo&) {
      return std::regex_match(run.identity.case_name, pattern);
    });
  }
  keep_metrics(runs, options.metrics);
  return runs;
}

struct Sides {
  RunSet old_runs;
  RunSet new_runs;
};

void refuse_shared_recordings(const Sides& sides) {
  for (const RecordingInfo& before : sides.old_runs.recordings) {
    for (const RecordingInfo& after : sides.new_runs.recordings) {
      if (before.name == after.name && before.machine == after.machine) {
        throw InputError(after.source, 0, 0, "recording '" + after.name + "' is on both sides");
      }
    }
  }
}

Sides read_sides(const CommandLine& options) {
  Sides sides;
  if (!options.by.empty()) {
    const RunSet runs = read_inputs(options.paths, options.events);
    sides.old_runs = runs_where(runs, options.by, options.old_words);
    sides.new_runs = runs_where(runs, options.by, options.new_words);
  } else if (options.old_words.empty()) {
    sides.old_runs = read_inputs({options.paths[0]}, options.events);
    sides.new_runs = read_inputs({options.paths[1]}, options.events);
    refuse_shared_recordings(sides);
  } else {
    sides.old_runs = read_inputs(options.old_words, options.events);
    sides.new_runs = read_inputs(options.new_words, options.events);
    refuse_shared_recordings(sides);
  }
  sides.old_runs = narrow(std::move(sides.old_runs), options);
  sides.new_runs = narrow(std::move(sides.new_runs), options);
  if (sides.old_runs.runs.empty()) throw std::invalid_argument("the old side has no runs");
  if (sides.new_runs.runs.empty()) throw std::invalid_argument("the new side has no runs");
  return sides;
}

int run_plan(const CommandLine& options) {
  const RunSet runs = narrow(read_inputs(options.paths, options.events), options);
  if (runs.runs.empty()) throw std::invalid_argument("no runs are left to plan from");
  const PlanOptions plan_options{options.compare, options.plan_effect, options.plan_power};
  const Plan plan = make_plan(runs, plan_options);
  if (!options.quiet) std::cout << plan_report(plan, plan_options);
  write_report(options.csv_file, plan_csv(plan));
  return 0;
}

int run_false_alarms(const CommandLine& options) {
  const RunSet runs = narrow(read_inputs(options.paths, options.events), options);
  std::cout << false_alarms_report(
      measure_false_alarms(runs, options.compare, *options.false_alarm_splits, kSplitSeed));
  return 0;
}

int run_comparison(const CommandLine& options) {
  const Sides sides = read_sides(options);
  RunSet boot_noise;
  if (!options.boot_noise.empty()) {
    boot_noise = narrow(read_inputs(options.boot_noise, options.events), options);
  }
  const Comparison comparison =
      compare(sides.old_runs, sides.new_runs, boot_noise, options.compare);
  ReportContext context;
  context.old_runs = &sides.old_runs;
  context.new_runs = &sides.new_runs;
  context.options = options.compare;
  context.strict = options.strict;
  context.exit_code =
      options.bisect ? bisect_exit_code(comparison) : exit_code(comparison, options.strict);
  if (!options.quiet) {
    std::cout << terminal_report(comparison, context, {options.colour, options.all, options.most});
  }
  write_report(options.csv_file, csv_report(comparison));
  write_report(options.json_file, json_report(comparison, context));
  write_report(options.markdown_file, markdown_report(comparison, context));
  write_report(options.junit_file, junit_report(comparison, context));
  if (!options.html_file.empty()) {
    write_report(options.html_file, html_report(comparison, context));
  }
  return context.exit_code;
}

int run(const CommandLine& options) {
  if (options.plan) return run_plan(options);
  if (options.false_alarm_splits) return run_false_alarms(options);
  return run_comparison(options);
}

}  // namespace
}  // namespace notifier::analysis

int main(int argc, char** argv) {
  using namespace notifier::analysis;
  const ParsedCommandLine parsed = parse_command_line(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  // git bisect takes 1 to 124 for "bad"; what cannot be read cannot be judged.
  const int input_error = parsed.options.bisect ? kExitSkip : kExitUsage;
  try {
    const int code = run(parsed.options);
    std::cout.flush();
    if (!std::cout) throw WriteError("standard output cannot be written");
    return code;
  } catch (const WriteError& error) {
    std::cerr << error.what() << '\n';
    return parsed.options.bisect ? kExitSkip : kExitNotWritten;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return input_error;
  }
}
