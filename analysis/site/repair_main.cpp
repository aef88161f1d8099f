// SPDX-License-Identifier: MIT
// notifier_repair: what was stored whole of a recording that was cut short.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "analysis/csv.hpp"
#include "analysis/site/repair.hpp"

int main(int argc, char** argv) {
  constexpr int kExitNothingKept = 1;
  constexpr int kExitUsage = 2;
  constexpr int kExitNotWritten = 4;
  CLI::App app(
      "Makes a recording valid whose bench was killed or lost power: runs that were stored\n"
      "whole stay. A finished recording is left alone.\n\n"
      "Exit code: 0 valid now, 1 nothing can be kept, 2 bad usage, 4 not written.");
  std::string folder;
  app.add_option("folder", folder, "folder of the recording")
      ->required()
      ->check(CLI::ExistingDirectory);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  try {
    const notifier::site::RepairReport report = notifier::site::repair_recording(folder);
    if (report.changed) {
      fmt::print("{}: {} runs kept; {} summary rows and {} samples of unfinished runs dropped\n",
                 folder, report.runs_kept, report.summary_rows_dropped, report.sample_rows_dropped);
    }
  } catch (const notifier::analysis::InputError& error) {
    fmt::print(stderr, "notifier_repair: {}\n", error.what());
    return kExitNothingKept;
  } catch (const std::exception& error) {
    fmt::print(stderr, "notifier_repair: {}\n", error.what());
    return kExitNotWritten;
  }
  return 0;
}
