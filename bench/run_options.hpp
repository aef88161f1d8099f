// SPDX-License-Identifier: MIT
// Options that programs with a list of cases have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace notifier {

inline void add_runs_option(CLI::App& app, std::uint32_t& runs,
                            const std::string& what = "Runs of each case") {
  app.add_option("--runs", runs, what)->check(CLI::Range(1U, 1'000'000U))->capture_default_str();
}

inline void add_results_option(CLI::App& app, std::string& results) {
  app.add_option("--results", results, "Directory below which results are stored")
      ->capture_default_str();
}

}  // namespace notifier
