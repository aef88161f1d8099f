// SPDX-License-Identifier: MIT
// What the programs of finite jobs (notifier_drain, notifier_graphics) have in common: the command
// line, the choice of cases, the end on a signal, and the counts that decide the exit code.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/schema.hpp"
#include "bench/case_filter.hpp"
#include "bench/exit_code.hpp"

namespace notifier {

struct FiniteJobOptions {
  std::string filter;
  bool list = false;
  bool share_gpu = false;
  std::uint32_t events = 0;
  std::uint32_t runs = 1;
  std::optional<std::uint64_t> seed;
  std::string results = "results";
};

void add_options(CLI::App& app, FiniteJobOptions& options);

/// Parses the command line and keeps the selected cases. The exit code when the program ends here:
/// help, bad usage, or the list.
template <typename FiniteCase>
std::optional<int> choose_cases(CLI::App& app, const FiniteJobOptions& options,
                                std::vector<FiniteCase>& cases, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    CaseFilter(options.filter).keep_selected(cases, [](const auto& one) { return one.name(); });
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\nRun with --help for the options.\n", error.what());
    return kExitUsage;
  }
  if (cases.empty()) {
    fmt::print(stderr, "no case matches '{}'; --list shows all\n", options.filter);
    return kExitUsage;
  }
  if (!options.list) return std::nullopt;
  for (const FiniteCase& one : cases) {
    fmt::print("{:<68} {}\n", one.name(), one.perturbation->summary);
  }
  return kExitOk;
}

/// From now on SIGINT and SIGTERM ask for the end; the case that runs is finished.
void end_on_signals();
bool end_requested();

struct FiniteJobCounts {
  std::int64_t ok = 0;
  std::int64_t skipped = 0;
  std::int64_t failed = 0;
  std::int64_t violations = 0;

  void add(const analysis::SummaryRow& row);
};

/// Prints the sums and returns the exit code. `unsafe` is why the run was stopped; empty: it was
/// not.
int report_counts(const FiniteJobCounts& counts, std::string_view unsafe);

}  // namespace notifier
