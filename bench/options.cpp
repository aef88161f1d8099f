// SPDX-License-Identifier: MIT
#include "bench/options.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <string_view>

#include "bench/case_families.hpp"
#include "bench/case_filter.hpp"
#include "bench/exit_code.hpp"
#include "bench/recipe.hpp"
#include "bench/replay.hpp"
#include "bench/run_options.hpp"
#include "bench/stopping_rule.hpp"
#include "harness/case.hpp"

namespace notifier {
namespace {

constexpr const char* kFooter =
    R"(Google Benchmark's own options work too: --benchmark_filter, --benchmark_list_tests,
--benchmark_out=FILE --benchmark_out_format=json, --benchmark_repetitions (the same as --runs).

Exit codes: 0 ok; 1 integrity violation or failed case; 2 bad usage; 4 results could not be written;
77 nothing could run here; 130 interrupted.)";

std::uint64_t memory_of_machine_bytes() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

/// Throws std::invalid_argument with what is wrong about it.
void require_expression(const std::string& expression) {
  [[maybe_unused]] const CaseFilter filter(expression);
}

std::string check_size(const std::string& text) {
  const std::optional<std::uint64_t> size_bytes = parse_size(text);
  if (!size_bytes) return "'" + text + "' is no size; write for example 64KiB, 4MiB or 1GiB";
  if (*size_bytes == 0) return "a size of 0 measures nothing";
  if (*size_bytes % 4096 != 0) return "a size must be a multiple of 4096 bytes (one page)";
  if (*size_bytes > memory_of_machine_bytes()) {
    return fmt::format("{} is more memory than this machine has ({} MiB)", text,
                       memory_of_machine_bytes() >> 20);
  }
  return "";
}

void add_instrument_options(CLI::App& app, Options& options, std::string& precision,
                            std::string& bystanders) {
  app.add_option("--explain", options.explain,
                 "Measure this CASE (a name as --list gives it) and what its cause depends on, and "
                 "say where the time of its stalls goes");
  app.add_option("--trace", options.trace,
                 "Put every event of the cases that match this regular expression into trace.json "
                 "(500 per run), not the three worst of each case alone");
  app.add_flag("--histogram", options.histogram,
               "Print each case's stalls in fixed bins, and the known time constant they sit on");
  app.add_flag("--kprobes", options.kprobes,
               "Watch entry and exit of the driver's functions that stop, look up and resume, with "
               "kprobes (root, tracefs): preempt_ns, and tracks in trace.json");
  app.add_flag(
      "--bystanders{all}", bystanders,
      "Also measure what others pay that take no part: a second queue, a queue on a second "
      "device, a second process, and a timer thread, or some of them "
      "(--bystanders=queue,device,process,timer). Each needs a CPU on the software GPU");
  app.add_option("--observer-cost", options.observer_cost,
                 "Only run this CASE with and without each part of the observation, in --runs "
                 "rounds, and print the ratios (Markdown)");
  app.add_option("--storm", options.storm,
                 "Only repeat this CASE's event 1 to 10 000 times a second, and print what is left "
                 "of the kernel's work");
  CLI::Option* wanted =
      app.add_option("--precision", precision,
                     "Run each case until the 95 % interval of the median over runs is this "
                     "narrow (5% is plus or minus 5 %; six runs are the least)");
  app.add_flag("--precision-of-p99", options.precision_of_p99,
               "--precision of the runs' 99th percentile, which needs 368 events a run")
      ->needs(wanted);
  app.add_option("--time-budget", options.time_budget_s,
                 "Seconds after which --precision starts no further run")
      ->needs(wanted)
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
}

void add_selection_options(CLI::App& app, Options& options) {
  app.add_option("--selection", options.selection, "Named list of cases to run")
      ->check(CLI::IsMember(selection_names()))
      ->each([&options](const std::string&) { options.selection_given = true; })
      ->capture_default_str();
  app.add_flag("--all", options.all, "All cases instead of a selection");
  app.add_option("--filter", options.filter,
                 "Only cases whose name matches this regular expression (or, after a -, does not); "
                 "searches all cases");
  CLI::Option* recipe =
      app.add_option("--recipe", options.recipe,
                     "Run what a real program does with and without each way out, and say what it "
                     "bought")
          ->check(CLI::IsMember(recipe_names()));
  app.add_option("--mitigation", options.mitigations,
                 "Of the recipe's ways only these (none, dontfork, ...; its table names all)")
      ->needs(recipe);
  app.add_option("--table", options.table,
                 "Run the selection of that name and print its table (Markdown) at the end")
      ->check(CLI::IsMember({"fork-policy"}));
  app.add_flag("--csv", options.csv, "--table or --storm as CSV");
  CLI::Option* list =
      app.add_flag("--list", options.list,
                   "List the cases and what each does, then end: all that there are, or those of "
                   "--selection, --table, --recipe, --explain or --filter");
  app.add_flag("--long", options.long_list,
               "--list as a description, in Markdown: of everything (docs/cases.md), or of the "
               "chosen cases' perturbations")
      ->needs(list);
  app.add_flag("--dry-run", options.dry_run, "Print what would run, in order, then end");
  app.add_flag("--self-test", options.self_test_only,
               "Only plant faults and check that each is caught and classified");
  app.add_flag("--no-self-test", options.no_self_test,
               "Leave the self-test out; a result of 0 violations is then not backed by one");
  app.add_flag("--validate-meter", options.validate_meter,
               "Only inject known holds (50 µs to 100 ms) and check that the meter reads them");
}

void add_machine_options(CLI::App& app, Options& options) {
  app.add_flag(
      "--hazardous", options.hazardous,
      "Also run what can stop or reset a real GPU (--list says which and why), and what ends "
      "in a fatal fault of the device, in workers of their own");
  app.add_flag("--share-gpu", options.share_gpu,
               "Run although others use the GPU: their work is disturbed, and so are the numbers");
  CLI::Option* probe = app.add_flag(
      "--probe", options.probe,
      "Print what this machine is and which cases can run and why not, without touching a GPU");
  app.add_flag("--json", options.json, "--probe as JSON")->needs(probe);
  app.add_option("--sysroot", options.sysroot,
                 "--probe another machine, of which this directory has /proc, /sys, /boot and /opt")
      ->needs(probe);
}

void add_run_options(CLI::App& app, Options& options, std::vector<std::string>& sizes) {
  app.add_option("--health-root", options.health_root,
                 "Watch dev/kmsg and proc/sys/kernel/tainted below this directory, not the "
                 "machine's: shows without a GPU how a run stops (docs/hardware.md)")
      ->check(CLI::ExistingDirectory);
  app.add_flag("--isolate", options.isolate, "A worker process of its own for each run of a case");
  app.add_option("--seed", options.seed,
                 "Seed of the schedule and of the data; printed, replayable");
  app.add_option("--replay", options.replay,
                 "Run again what the recording in this folder ran, with its seed and its options; "
                 "those that are given here replace them");
  add_runs_option(app, options.runs, "Runs of each case, each in a fresh worker process");
  app.add_option("--events", options.events, "Events in each run (default: by case)")
      ->check(CLI::Range(1U, 100'000'000U));
  app.add_option("--size", sizes,
                 "Sizes of the memory (default: 64KiB 4MiB 64MiB); with all cases, or one for a "
                 "--recipe (default: 64MiB)");
  app.add_option("--waves", options.waves, "Waves of the workload (default: one per compute unit)")
      ->check(CLI::Range(1U, 65'536U));
  add_results_option(app, options.results);
  app.add_option("--machine", options.machine,
                 "Name of the machine in the results (the host's name)");
  app.add_option("--case-time-limit", options.case_time_limit_s,
                 "Seconds after which a case stops with the events it has")
      ->check(CLI::Range(1U, 86'400U))
      ->capture_default_str();
  app.add_option("--patience", options.patience_s,
                 "Seconds without progress of the device after which a case has failed")
      ->check(CLI::Range(1U, 86'400U))
      ->capture_default_str();
}

/// Takes Google Benchmark's arguments out of what CLI11 did not know. Returns an error message.
std::string sort_extras(const std::vector<std::string>& extras, Options& options) {
  for (const std::string& argument : extras) {
    if (!argument.starts_with("--benchmark_")) return "unknown argument " + argument;
    if (argument.starts_with("--benchmark_out_format=csv") ||
        argument.starts_with("--benchmark_format=csv")) {
      return "Google Benchmark's CSV cannot hold cases with different counters (it would abort); "
             "summary.csv in the results folder has all of it";
    }
    if (argument.starts_with("--benchmark_repetitions=")) {
      options.runs = static_cast<std::uint32_t>(std::strtoul(
          argument.c_str() + std::string_view("--benchmark_repetitions=").size(), nullptr, 10));
      if (options.runs == 0) return argument + ": at least one run is needed";
      continue;
    }
    if (argument == "--benchmark_list_tests" || argument == "--benchmark_list_tests=true") {
      options.list_names = true;
      continue;
    }
    if (argument.starts_with("--benchmark_filter=")) {
      options.filter = argument.substr(std::string_view("--benchmark_filter=").size());
      continue;
    }
    options.google_benchmark.push_back(argument);
  }
  return "";
}

void check_mitigations(const Options& options) {
  const std::vector<Mitigation> known = recipe(options.recipe);
  for (const std::string& name : options.mitigations) {
    if (std::any_of(known.begin(), known.end(),
                    [&](const Mitigation& one) { return one.name == name; })) {
      continue;
    }
    throw CLI::ValidationError("--mitigation",
                               "the recipe " + options.recipe + " knows no '" + name + "'");
  }
}

/// What an option's word means. Throws CLI::ValidationError.
void read_words(const std::string& precision, const std::string& bystanders,
                const std::vector<std::string>& sizes, Options& options) {
  if (!precision.empty()) {
    options.precision = parse_share(precision);
    if (!options.precision) {
      throw CLI::ValidationError("--precision",
                                 "'" + precision + "' is no share; write 5% or 0.05");
    }
    options.runs = 1;  // as many more as it takes
  }
  const std::optional<BystanderSet> watched = parse_bystanders(bystanders);
  if (!watched) {
    throw CLI::ValidationError("--bystanders", "'" + bystanders +
                                                   "' names no bystanders; write all, or some of "
                                                   "queue,device,process,timer");
  }
  options.bystanders = *watched;
  for (const std::string& size : sizes) {
    const std::string error = check_size(size);
    if (!error.empty()) throw CLI::ValidationError("--size", error);
    options.sizes_bytes.push_back(*parse_size(size));
  }
}

/// Throws CLI::ValidationError or std::invalid_argument.
void check_together(Options& options) {
  require_expression(options.filter);
  check_mitigations(options);
  if (!options.recipe.empty() && options.sizes_bytes.size() > 1) {
    throw CLI::ValidationError("--size", "a recipe has one size");
  }
  if (!options.table.empty()) {
    options.selection = options.table;
    options.selection_given = true;
  }
  require_expression(options.trace);
  for (const std::string& name : {options.explain, options.observer_cost, options.storm}) {
    if (!name.empty() && !parse_case(name)) {
      throw CLI::ValidationError("no case is called '" + name + "'; --list shows all");
    }
  }
}

ParsedOptions parse_once(int argc, char** argv) {
  ParsedOptions parsed;
  parsed.options.command.assign(argv, argv + argc);
  std::vector<std::string> sizes;
  std::string precision;
  std::string bystanders = "none";
  CLI::App app{
      "Measures how long a GPU kernel stands still when the CPU changes its memory, and "
      "checks the data while it happens."};
  app.allow_extras();
  app.footer(kFooter);
  add_selection_options(app, parsed.options);
  add_machine_options(app, parsed.options);
  add_run_options(app, parsed.options, sizes);
  add_instrument_options(app, parsed.options, precision, bystanders);
  try {
    app.parse(argc, argv);
    read_words(precision, bystanders, sizes, parsed.options);
    const std::string error = sort_extras(app.remaining(), parsed.options);
    if (!error.empty()) throw CLI::ValidationError(error);
    check_together(parsed.options);
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "%s\n", error.what());
    parsed.exit_code = kExitUsage;
  } catch (const CLI::CallForHelp& help) {
    parsed.exit_code = app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "%s\nRun with --help for the options.\n", error.what());
    parsed.exit_code = kExitUsage;
  }
  return parsed;
}

}  // namespace

ParsedOptions parse_options(int argc, char** argv) {
  ParsedOptions given = parse_once(argc, argv);
  if (given.exit_code || given.options.replay.empty()) return given;
  std::vector<std::string> arguments;
  try {
    arguments = replayed_arguments(given.options.replay, {argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    given.exit_code = kExitUsage;
    return given;
  }
  std::vector<char*> pointers{argv[0]};
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  return parse_once(static_cast<int>(pointers.size()), pointers.data());
}

}  // namespace notifier
