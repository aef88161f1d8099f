// SPDX-License-Identifier: MIT
#include "analysis/compare/compare_options.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <regex>
#include <string_view>

#include "analysis/csv.hpp"

namespace notifier::analysis {
namespace {

constexpr int kExitUsage = 2;
constexpr int kExitSkip = 125;  // git bisect takes 2 for "bad"

constexpr const char* kFooter = R"(Examples:
  notifier_compare results/box/old results/box/new --vary kernel
  notifier_compare results/box --by kernel_release --old 6.12* --new 6.17*
  notifier_compare --old a.json b.json --new c.json          (Google Benchmark)
  notifier_compare results/box/old --plan --effect 5%
  notifier_compare results/box/old --aa 200

Inputs are recordings, folders with recordings, summary.csv, Google Benchmark's CSV or JSON, globs.

--vary takes a field, a group (memory_policy), a pattern, or one of the sets kernel, driver, rocm,
firmware, machine, suite.

Exit codes: 0 no regression; 1 regression, violation or case that no longer runs; 2 bad usage or
input; 3 not comparable, or undecided under --strict; 4 a report could not be written.
--bisect: 0 same or faster, 1 slower or violation, 125 anything else.)";

// "3%" to 0.03.
std::string check_percent(const std::string& text) {
  double value = 0;
  const bool ok = text.ends_with('%') && parse_number(text.substr(0, text.size() - 1), value) &&
                  value >= 0 && value < 1000;
  return ok ? "" : "'" + text + "' is no percentage; write for example 3%";
}

double percent(const std::string& text) {
  double value = 0;
  parse_number(text.substr(0, text.size() - 1), value);
  return value / 100;
}

struct RawWords {
  std::string minimum_effect = "3%";
  std::string alpha = "5%";
  std::string effect = "5%";
  std::string power = "90%";
  std::string colour = "auto";
  std::string bootstrap = "auto";
  std::string events{to_word(kComparedEvents)};
};

void add_inputs(CLI::App& app, CommandLine& options, RawWords& raw) {
  app.add_option("PATH", options.paths, "OLD NEW; or all runs, with --by, --plan or --aa");
  app.add_option("--old", options.old_words, "Paths of the old side; with --by: its values");
  app.add_option("--new", options.new_words, "Paths of the new side; with --by: its values");
  app.add_option("--by", options.by,
                 "Split one set of runs by this column of summary.csv or field of the manifest");
  app.add_option(
      "--boot-noise", options.boot_noise,
      "Runs of one configuration over several boots: how much boots differ by themselves");
  app.add_option(
      "--case", options.case_pattern,
      "Only cases whose whole name matches this regular expression (they are the family)");
  app.add_option("--metric", options.metrics, "Only this metric; may stand several times")
      ->allow_extra_args(false);
  app.add_option("--events", raw.events, "Events to look at")
      ->check(CLI::IsMember({"all", "unflagged"}))
      ->capture_default_str();
}

void add_statistics(CLI::App& app, CommandLine& options, RawWords& raw) {
  const CLI::Validator is_percent(check_percent, "PERCENT", "percent");
  app.add_option("--min-effect", raw.minimum_effect, "Changes up to this mean nothing")
      ->check(is_percent)
      ->capture_default_str();
  app.add_option("--floor-ns", options.compare.floor_ns,
                 "Nor do differences up to this, of metrics that one clock stamps")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--alpha", raw.alpha, "Level of the gate and of the report")
      ->check(is_percent)
      ->capture_default_str();
  app.add_option("--resamples", options.compare.resamples, "Resamples of the bootstrap")
      ->check(CLI::Range(std::size_t{100}, std::size_t{1'000'000}))
      ->capture_default_str();
  app.add_option("--bootstrap", raw.bootstrap,
                 "Resample runs, or events within runs too; auto: too, near the minimum effect")
      ->check(CLI::IsMember({"auto", "runs", "events"}))
      ->capture_default_str();
  app.add_option("--vary", options.compare.varied,
                 "What is meant to differ between the sides; may stand several times")
      ->allow_extra_args(false);
  app.add_flag("--force", options.compare.force, "Compare in spite of undeclared differences");
}

void add_outputs(CLI::App& app, CommandLine& options, RawWords& raw) {
  app.add_flag("--strict", options.strict, "Exit 3 when something is undecided");
  app.add_flag("--bisect", options.bisect, "Exit codes for git bisect run");
  app.add_flag("--quiet", options.quiet, "No table on standard output");
  app.add_flag("--all", options.all, "Show every row");
  app.add_option("--top", options.most, "Show at most this many rows")->capture_default_str();
  app.add_option("--colour,--color", raw.colour, "Colours on the terminal")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.add_option("--csv", options.csv_file, "Write all rows as CSV (- is standard output)");
  app.add_option("--json", options.json_file, "Write all rows as JSON");
  app.add_option("--markdown", options.markdown_file, "Write a report for a mail");
  app.add_option("--junit", options.junit_file, "Write the gate as JUnit XML");
  app.add_option("--html", options.html_file, "Write a report with curves, one file");
}

void add_other_modes(CLI::App& app, CommandLine& options, RawWords& raw) {
  const CLI::Validator is_percent(check_percent, "PERCENT", "percent");
  app.add_flag("--plan", options.plan, "Say how many runs are needed, from the runs at PATH");
  app.add_option("--effect", raw.effect, "Change that the plan is to find")
      ->check(is_percent)
      ->capture_default_str();
  app.add_option("--power", raw.power, "Chance that it is found")
      ->check(is_percent)
      ->capture_default_str();
  app.add_option("--aa", options.false_alarm_splits,
                 "Compare the runs at PATH with each other this often; count false alarms")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}));
}

std::string check_combination(const CommandLine& options) {
  const bool has_sides = !options.old_words.empty() || !options.new_words.empty();
  if (options.plan || options.false_alarm_splits) {
    if (options.plan && options.false_alarm_splits) return "--plan and --aa exclude each other";
    if (has_sides || !options.by.empty()) return "--plan and --aa look at one set of runs: PATH...";
    return options.paths.empty() ? "no runs given" : "";
  }
  if (!options.by.empty()) {
    if (options.paths.empty()) {
      return "--by needs the runs to split: PATH..., before --old and --new";
    }
    const bool both = !options.old_words.empty() && !options.new_words.empty();
    return both ? "" : "--by needs --old VALUE and --new VALUE";
  }
  if (has_sides) {
    if (!options.paths.empty()) return "either OLD NEW or --old and --new";
    if (options.old_words.empty()) return "the old side is empty: give --old";
    return options.new_words.empty() ? "the new side is empty: give --new" : "";
  }
  return options.paths.size() == 2 ? "" : "give OLD and NEW (several a side: --old and --new)";
}

void convert(const RawWords& raw, CommandLine& options) {
  JudgeOptions& judge = options.compare.judge;
  judge.minimum_effect = percent(raw.minimum_effect);
  judge.alpha = percent(raw.alpha);
  options.plan_effect = percent(raw.effect);
  options.plan_power = percent(raw.power);
  const std::map<std::string, BootstrapLevel> levels = {{"auto", BootstrapLevel::kAuto},
                                                        {"runs", BootstrapLevel::kRuns},
                                                        {"events", BootstrapLevel::kEvents}};
  options.compare.bootstrap = levels.at(raw.bootstrap);
  options.events = *from_word<EventSet>(raw.events);
  const bool wants_colour = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  options.colour = raw.colour == "always" || (raw.colour == "auto" && wants_colour);
  // What splits the runs is meant to differ.
  if (!options.by.empty()) options.compare.varied.push_back(options.by);
  if (options.by == "kernel_release") options.compare.varied.push_back("kernel");
}

}  // namespace

ParsedCommandLine parse_command_line(int argc, char** argv) {
  ParsedCommandLine parsed;
  const bool bisect = std::any_of(
      argv, argv + argc, [](const char* word) { return std::string_view(word) == "--bisect"; });
  const int usage_error = bisect ? kExitSkip : kExitUsage;
  RawWords raw;
  CLI::App app{"Compares two sets of runs: faster, slower, the same, or not known yet."};
  app.footer(kFooter);
  add_inputs(app, parsed.options, raw);
  add_statistics(app, parsed.options, raw);
  add_outputs(app, parsed.options, raw);
  add_other_modes(app, parsed.options, raw);
  try {
    app.parse(argc, argv);
    convert(raw, parsed.options);
    const std::string error = check_combination(parsed.options);
    if (!error.empty()) throw CLI::ValidationError(error);
    const std::regex pattern(parsed.options.case_pattern);  // its errors are the user's too
  } catch (const std::regex_error&) {
    std::fprintf(stderr, "--case: not a regular expression\n");
    parsed.exit_code = usage_error;
  } catch (const CLI::CallForHelp& help) {
    parsed.exit_code = app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "%s\nRun with --help for the options.\n", error.what());
    parsed.exit_code = usage_error;
  }
  return parsed;
}

}  // namespace notifier::analysis
