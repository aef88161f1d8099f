// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "analysis/csv.hpp"
#include "analysis/validate.hpp"

namespace {

constexpr int kExitFinding = 1;
constexpr int kExitUsage = 2;

// Returns the exit code for one folder.
int validate(const std::string& folder) {
  using notifier::analysis::ValidationReport;
  const ValidationReport report = notifier::analysis::validate_recording(folder);
  for (const std::string& finding : report.findings) std::cerr << finding << '\n';
  if (report.findings_total > report.findings.size()) {
    std::cerr << "... and " << report.findings_total - report.findings.size() << " more\n";
  }
  std::cout << folder << ": " << report.summary_rows << " summary rows, " << report.sample_rows
            << " samples, " << report.findings_total << " findings\n";
  return report.findings_total == 0 ? 0 : kExitFinding;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Checks recordings: schema, counts, and that each summary follows from the samples.\n"
      "Exit code 0: valid, 1: findings (on standard error), 2: cannot be read or bad usage."};
  std::vector<std::string> folders;
  bool print_schema = false;
  app.add_option("DIR", folders, "folders with manifest.json, summary.csv and samples.csv");
  app.add_flag("--schema-markdown", print_schema, "print the schema as results/README.md has it");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  if (print_schema) {
    std::cout << notifier::analysis::schema_markdown();
    return 0;
  }
  if (folders.empty()) {
    std::cerr << "no recording given\n" << app.help();
    return kExitUsage;
  }
  int exit_code = 0;
  for (const std::string& folder : folders) {
    try {
      exit_code = std::max(exit_code, validate(folder));
    } catch (const notifier::analysis::InputError& error) {
      std::cerr << error.what() << '\n';
      exit_code = kExitUsage;
    }
  }
  return exit_code;
}
