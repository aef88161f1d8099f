// SPDX-License-Identifier: MIT
// notifier_report: recordings as self-contained HTML files.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "analysis/site/report.hpp"

int main(int argc, char** argv) {
  constexpr int kExitUsage = 2;
  constexpr int kExitNotWritten = 4;

  CLI::App app(
      "Writes report.html into each RECORDING (a folder with summary.csv): one file with page,\n"
      "charts and data, which opens from disk and loads nothing.\n\n"
      "Exit code: 0 written, 2 bad usage, 4 could not be read or written.");
  std::vector<std::string> folders;
  app.add_option("recording", folders, "folder <results>/<machine>/<recording>")
      ->required()
      ->check(CLI::ExistingDirectory);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  try {
    for (const std::string& folder : folders) {
      fmt::print("{}\n", notifier::site::write_report(folder).string());
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "notifier_report: {}\n", error.what());
    return kExitNotWritten;
  }
  return 0;
}
