// SPDX-License-Identifier: MIT
// What the programs of finite jobs (notifier_drain, notifier_graphics) have in common: the command
// line, the choice of cases, the end on a signal, and the counts that decide the exit code.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/schema.hpp"
#include "bench/choose_cases.hpp"
#include "bench/exit_code.hpp"
#include "bench/finite_job_cases.hpp"
#include "harness/recording.hpp"

namespace notifier {

struct FiniteJobOptions {
  CaseChoice choice;
  bool share_gpu = false;
  std::uint32_t events = 0;
  std::uint32_t runs = 1;
  std::int64_t case_time_limit_s = 120;
  std::optional<std::uint64_t> seed;
  std::string results = "results";
};

void add_options(CLI::App& app, FiniteJobOptions& options);

/// From now on SIGINT and SIGTERM ask for the end; the case that runs is finished.
void end_on_signals();
bool end_requested();

/// What a program does about its own kind of cases.
struct FiniteJobProgram {
  std::string platform;
  std::string device;                                  // as rows name it
  nlohmann::json manifest = nlohmann::json::object();  // what it adds at the start
  std::function<FiniteJobResult(std::size_t case_number, const FiniteJobRun&)> measure;
  std::function<void(const FiniteJobResult&, const std::vector<analysis::SummaryRow>&)> print;
  /// Asked after each case: why no further one may run; empty when it may.
  std::function<std::string()> unsafe_reason;
  /// What it adds at the end.
  std::function<nlohmann::json()> manifest_end = [] { return nlohmann::json::object(); };
};

/// The runs of `cases` cases in random order: measures, stores and prints each, then the sums.
/// Returns the exit code.
int record_finite_jobs(const FiniteJobOptions& options, std::size_t cases,
                       std::vector<std::string> command, const FiniteJobProgram& program,
                       std::uint64_t seed);

/// --seed, or one that is random.
std::uint64_t seed_of(const FiniteJobOptions& options);

/// Of one metric, as a duration to print.
std::string median_of(std::string_view metric, const std::vector<analysis::SummaryRow>& rows);

/// All of such a program: reads the command line, keeps the cases that it selects and has them
/// measured.
template <typename FiniteCase>
int finite_job_main(int argc, char** argv, CLI::App& app, FiniteJobOptions options,
                    std::vector<FiniteCase> cases,
                    int (*measure)(const FiniteJobOptions&, const std::vector<FiniteCase>&,
                                   std::vector<std::string> command)) {
  add_options(app, options);
  const auto all = [&cases] { return cases; };
  const auto name = [](const FiniteCase& one) { return one.name(); };
  const auto line = [](const FiniteCase& one) {
    return fmt::format("{:<68} {}", one.name(), one.perturbation->summary);
  };
  if (const auto ended = choose_cases(app, argc, argv, options.choice, cases, all, name, line)) {
    return *ended;
  }
  end_on_signals();
  try {
    return measure(options, cases, {argv, argv + argc});
  } catch (const ResultsError& error) {
    fmt::print(stderr, "{}\nWhat was stored before is valid.\n", error.what());
    return kExitResults;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return kExitViolation;
  }
}

}  // namespace notifier
