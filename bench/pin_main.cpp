// SPDX-License-Identifier: MIT
#include "bench/pin_main.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>

#include "bench/case_filter.hpp"
#include "bench/exit_code.hpp"
#include "bench/pin_suite.hpp"
#include "bench/pin_table.hpp"
#include "bench/run_options.hpp"
#include "harness/environment.hpp"
#include "harness/pin/clock.hpp"
#include "harness/pin/plant.hpp"

namespace notifier {
namespace {

// With the minute and a half that the table may take, room for a machine that is far too busy.
constexpr double kUsualTimeLimitS = 60;

constexpr const char* kFooter =
    R"(Without --markdown or --csv the table is printed in Markdown, for a person.

Exit codes: 0 ok; 1 failed case, unexpected outcome, corrupted child or pins left behind; 2 bad usage;
4 results could not be written; 77 nothing could run here; 130 interrupted.)";

struct PinOptions {
  std::string table;
  bool markdown = false;
  bool csv = false;
  bool list = false;
  bool self_test_only = false;
  std::string filter;
  std::optional<std::uint32_t> events;
  std::optional<double> time_limit_s;
  std::uint32_t runs = 1;
  std::optional<std::uint64_t> seed;
  std::string results = "results";
  std::vector<std::string> from;
};

volatile std::sig_atomic_t stop_signal = 0;
void request_stop(int number) { stop_signal = number; }

void add_options(CLI::App& app, PinOptions& options) {
  app.add_option("--table", options.table, "Print this table at the end")
      ->check(CLI::IsMember({"pinning"}));
  auto* markdown = app.add_flag("--markdown", options.markdown, "The table in Markdown");
  app.add_flag("--csv", options.csv, "The table as CSV, one line per cell")->excludes(markdown);
  app.add_option("--filter", options.filter,
                 "Only cases whose name matches this regular expression");
  app.add_flag("--list", options.list, "List the cases and what each does, then end");
  app.add_flag("--self-test", options.self_test_only,
               "Only plant incoherence and check that each kind is caught");
  app.add_option("--events", options.events, "Events in each run, of each direction")
      ->check(CLI::Range(1U, 1'000'000U));
  app.add_option("--time-limit", options.time_limit_s,
                 "Seconds for one run over all cases: where they do not suffice, cases have fewer "
                 "events, but at least one of each direction (60; no limit with --events)")
      ->check(CLI::PositiveNumber);
  add_runs_option(app, options.runs);
  app.add_option("--seed", options.seed, "Seed of the data; printed, replayable");
  add_results_option(app, options.results);
  app.add_option("--from", options.from,
                 "Run nothing: make the table from these recordings, of the GPU bench too");
}

void list_cases(const std::vector<PinCase>& cases) {
  for (const PinCase& one : cases) {
    std::string_view what = "cost of holding it and of a fork meanwhile";
    if (one.perturbation != nullptr) what = one.perturbation->summary;
    if (one.together != nullptr) what = one.together->summary;
    fmt::print("{:<74} {}\n", one.name(), what);
  }
  fmt::print("{} cases\n\n", cases.size());
  for (const pin::ActorRow& actor : pin::actors()) {
    fmt::print("pin_{:<20} {} ({})\n", actor.name, actor.summary, actor.source);
  }
}

/// How many were caught; prints those that were not, or all.
std::size_t count_caught(const std::vector<pin::PlantOutcome>& outcomes, bool print_all,
                         nlohmann::json& entries) {
  std::size_t caught = 0;
  for (const pin::PlantOutcome& outcome : outcomes) {
    if (!outcome.caught || print_all) {
      fmt::print(stderr, "{:<48} {} ({})\n", outcome.planted,
                 outcome.caught ? "caught" : "NOT CAUGHT", outcome.found);
    }
    entries.push_back(
        {{"planted", outcome.planted}, {"found", outcome.found}, {"caught", outcome.caught}});
    caught += outcome.caught ? 1 : 0;
  }
  return caught;
}

/// False when something that was planted was not found.
bool self_test(std::uint64_t seed, bool print_all, nlohmann::json& entries) {
  const std::vector<pin::PlantOutcome> kinds = pin::run_plants(seed);
  const std::vector<pin::PlantOutcome> losses = pin::run_losses(seed);
  const std::size_t kinds_caught = count_caught(kinds, print_all, entries);
  const std::size_t losses_caught = count_caught(losses, print_all, entries);
  fmt::print(stderr,
             "self-test: {} of {} planted kinds of incoherence caught and named, lost data noticed "
             "in {} of {} perturbations and directions\n",
             kinds_caught, kinds.size(), losses_caught, losses.size());
  return kinds_caught == kinds.size() && losses_caught == losses.size();
}

nlohmann::json make_manifest(std::uint64_t seed, int argc, char** argv) {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  std::string machine = host.data();
  std::ranges::replace_if(
      machine, [](unsigned char byte) { return std::isalnum(byte) == 0 && byte != '-'; }, '_');
  return {{"environment", read_environment(SystemView())},
          {"machine", machine.empty() ? "unnamed" : machine},
          {"command", std::vector<std::string>(argv, argv + argc)},
          {"seed", seed}};
}

void print_table(const PinOptions& options, std::span<const analysis::SummaryRow> rows) {
  const std::vector<PinCell> cells = pin_cells(rows);
  fmt::print("{}", options.csv ? pin_table_csv(cells) : pin_table_markdown(cells));
}

int table_of_recordings(const PinOptions& options) {
  std::vector<analysis::SummaryRow> rows;
  for (const std::string& folder : options.from) {
    const std::filesystem::path file = std::filesystem::path(folder) / "summary.csv";
    std::ifstream in(file);
    if (!in) {
      fmt::print(stderr, "cannot read {}\n", file.string());
      return kExitUsage;
    }
    try {
      const auto more = analysis::read_summary(in, file.string());
      rows.insert(rows.end(), more.begin(), more.end());
    } catch (const analysis::InputError& error) {
      fmt::print(stderr, "{}\n", error.what());
      return kExitUsage;
    }
  }
  print_table(options, rows);
  return kExitOk;
}

void report(const PinSuite& suite) {
  for (const PinCell& cell : pin_cells(suite.rows())) {
    if (cell.status != analysis::Status::kFailed) continue;
    fmt::print(stderr, "failed: {}/{}/{}/{}: {}\n", cell.memory, cell.backing, cell.perturbation,
               cell.policy, cell.reason);
  }
  if (!suite.leak().empty()) fmt::print(stderr, "pins were left behind: {}\n", suite.leak());
  if (suite.cut_short() != 0) {
    fmt::print(stderr, "{} cases had fewer events than usual: the time ran out (--time-limit)\n",
               suite.cut_short());
  }
  fmt::print(stderr, "{} cases ok, {} skipped, {} failed, {} violations; results in {}\n",
             suite.ok(), suite.skipped(), suite.failed(), suite.violations(),
             suite.recording().folder().string());
}

int exit_code_of(const PinSuite& suite) {
  if (stop_signal != 0) return kExitInterrupted;
  if (suite.failed() != 0 || suite.violations() != 0 || !suite.leak().empty()) {
    return kExitViolation;
  }
  return suite.ok() == 0 ? kExitNothingRan : kExitOk;
}

void install_stop_handlers() {
  struct sigaction action {};
  action.sa_handler = request_stop;
  action.sa_flags = SA_RESTART;  // the case that runs is finished
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGXFSZ, SIG_IGN);
}

/// Each case may use the time up to its place in the list, so what cheap or skipped ones leave goes
/// to those after them.
void run_all_once(const PinOptions& options, const std::vector<PinCase>& cases,
                  std::uint32_t run_number, PinSuite& suite) {
  const bool limited = options.time_limit_s.has_value() || !options.events.has_value();
  const double share_s =
      options.time_limit_s.value_or(kUsualTimeLimitS) / static_cast<double>(cases.size());
  const std::int64_t start_ns = pin::raw_clock_ns();
  double until_s = 0;
  for (const PinCase& one : cases) {
    if (stop_signal != 0) return;
    until_s += share_s;
    std::optional<std::int64_t> deadline_ns;
    if (limited) deadline_ns = start_ns + static_cast<std::int64_t>(until_s * 1e9);
    suite.run(one, options.events.value_or(usual_events(one)), run_number, deadline_ns);
  }
}

int run_cases(const PinOptions& options, const std::string& platform,
              const std::vector<PinCase>& cases, int argc, char** argv) {
  const std::uint64_t seed =
      options.seed ? *options.seed : std::random_device{}() * 65'536ull % (1ull << 48);
  install_stop_handlers();
  nlohmann::json planted = nlohmann::json::array();
  const bool trusted = self_test(seed, options.self_test_only, planted);
  if (options.self_test_only) return trusted ? kExitOk : kExitViolation;
  nlohmann::json manifest = make_manifest(seed, argc, argv);
  manifest["self_test"] = planted;
  try {
    PinSuite suite(options.results, std::move(manifest), seed, platform);
    // Without a self-test that passed no outcome would mean anything.
    for (std::uint32_t run = 0; trusted && run < options.runs; ++run) {
      run_all_once(options, cases, run, suite);
    }
    suite.finish(stop_signal != 0 || !trusted);
    if (!options.table.empty() || options.markdown || options.csv || isatty(STDOUT_FILENO) != 0) {
      print_table(options, suite.rows());
    }
    report(suite);
    return trusted ? exit_code_of(suite) : kExitViolation;
  } catch (const ResultsError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return kExitResults;
  }
}

}  // namespace

int pin_main(int argc, char** argv, const PinProgram& program) {
  PinOptions options;
  CLI::App app{
      "What becomes of memory that a part of the kernel holds when the process forks, unmaps or "
      "moves "
      "it, and what holding it costs."};
  app.footer(kFooter);
  add_options(app, options);
  std::vector<PinCase> cases;
  try {
    app.parse(argc, argv);
    if (!options.from.empty()) return table_of_recordings(options);
    cases = program.cases;
    CaseFilter(options.filter).keep_selected(cases, [](const PinCase& one) { return one.name(); });
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "{}\nRun with --help for the options.\n", error.what());
    return kExitUsage;
  } catch (const std::invalid_argument& error) {
    fmt::print(stderr, "{}\n", error.what());
    return kExitUsage;
  }
  if (options.list) {
    list_cases(cases);
    return kExitOk;
  }
  if (cases.empty()) {
    fmt::print(stderr, "no case matches '{}'; --list shows all\n", options.filter);
    return kExitUsage;
  }
  std::string platform;
  try {
    platform = program.start();
  } catch (const std::exception& reason) {
    fmt::print(stderr, "nothing can run here: {}\n", reason.what());
    return kExitNothingRan;
  }
  return run_cases(options, platform, cases, argc, argv);
}

}  // namespace notifier
