// SPDX-License-Identifier: MIT
// notifier_thunk: what registering, mapping, unmapping and deregistering memory costs at the level
// of libhsakmt. No HIP is in this process, so nothing else registers anything.
#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <optional>
#include <random>

#include "bench/case_filter.hpp"
#include "bench/exit_code.hpp"
#include "bench/run_options.hpp"
#include "bench/thunk_cases.hpp"
#include "bench/thunk_suite.hpp"
#include "harness/gpu_users.hpp"
#include "harness/recording.hpp"

namespace notifier {
namespace {

constexpr const char* kFooter =
    R"(Cases are named userptr|managed/anon/CALL/default/none/ranges_N/SIZE: userptr is a userptr BO,
managed an SVM range by hsaKmtSVMSetAttr; N ranges of one page each are there already.

Exit codes: 0 ok; 1 failed case; 2 bad usage; 4 results could not be written; 77 nothing could run
here; 130 interrupted.)";

struct ThunkOptions {
  ThunkSuiteOptions suite;
  std::string filter;
  bool list = false;
  bool share_gpu = false;
  std::optional<std::uint64_t> seed;
};

volatile std::sig_atomic_t stop_signal = 0;
void request_stop(int number) { stop_signal = number; }

void add_options(CLI::App& app, ThunkOptions& options) {
  app.add_option("--filter", options.filter,
                 "Only points of which some case's name matches this regular expression");
  app.add_flag("--list", options.list, "List the cases, then end");
  app.add_flag("--share-gpu", options.share_gpu, "Run although others use the GPU");
  app.add_option("--events", options.suite.events, "Events in each run")
      ->check(CLI::Range(1U, 1'000'000U));
  add_runs_option(app, options.suite.runs);
  app.add_option("--seed", options.seed, "Seed of the order of sizes; printed, replayable");
  add_results_option(app, options.suite.results);
}

void keep_selected(const std::string& expression, std::vector<ThunkPoint>& points) {
  const CaseFilter filter(expression);
  std::erase_if(points, [&](const ThunkPoint& point) {
    for (std::size_t call = 0; call < kThunkCalls; ++call) {
      if (filter.selects(point.case_name(static_cast<ThunkCall>(call)))) return false;
    }
    return true;
  });
}

void list_cases(const std::vector<ThunkPoint>& points) {
  for (const ThunkPoint& point : points) {
    for (std::size_t call = 0; call < kThunkCalls; ++call) {
      fmt::print("{}\n", point.case_name(static_cast<ThunkCall>(call)));
    }
  }
}

int measure(const ThunkOptions& options, const std::vector<ThunkPoint>& points,
            std::vector<std::string> command) {
  // Before this process is itself one of those who use the GPU.
  const GpuUsers others = find_gpu_users_at_rest(SystemView());
  std::optional<Thunk> thunk;
  try {
    thunk.emplace();
  } catch (const std::exception& reason) {
    fmt::print(stderr, "nothing can run here: {}\n", reason.what());
    return kExitNothingRan;
  }
  const auto shared = sharing_refusal(others);
  if (shared && thunk->platform() == "rocm" && !options.share_gpu) {
    fmt::print(stderr, "nothing is run here: {}; --share-gpu runs anyway\n", *shared);
    return kExitNothingRan;
  }
  const std::uint64_t seed = options.seed ? *options.seed : std::random_device{}();
  fmt::print("{}, platform={}, seed {}\n", thunk->node_name(), thunk->platform(), seed);
  try {
    ThunkSuite suite(*thunk, options.suite, seed, std::move(command));
    suite.run(points, [] { return stop_signal != 0; });
    return stop_signal != 0 ? kExitInterrupted : suite.counts().exit_code();
  } catch (const ResultsError& error) {
    fmt::print(stderr, "{}\nWhat was stored before is valid.\n", error.what());
    return kExitResults;
  }
}

int thunk_main(int argc, char** argv) {
  ThunkOptions options;
  CLI::App app{"Measures what the thunk's memory calls cost, without HIP."};
  app.footer(kFooter);
  add_options(app, options);
  std::vector<ThunkPoint> points = all_thunk_points();
  try {
    app.parse(argc, argv);
    keep_selected(options.filter, points);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\nRun with --help for the options.\n", error.what());
    return kExitUsage;
  }
  if (points.empty()) {
    fmt::print(stderr, "no case matches '{}'; --list shows all\n", options.filter);
    return kExitUsage;
  }
  if (options.list) {
    list_cases(points);
    return kExitOk;
  }
  struct sigaction action {};
  action.sa_handler = request_stop;
  action.sa_flags = SA_RESTART;  // the point that runs is finished
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return measure(options, points, {argv, argv + argc});
}

}  // namespace
}  // namespace notifier

int main(int argc, char** argv) {
  try {
    return notifier::thunk_main(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return notifier::kExitViolation;
  }
}
