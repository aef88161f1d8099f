// SPDX-License-Identifier: MIT
// From a command line to the cases that it selects: for the programs that have cases of their own.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/case_filter.hpp"
#include "bench/exit_code.hpp"

namespace notifier {

/// What the parsed command line says about the choice.
struct CaseChoice {
  std::string filter;  // as CaseFilter takes it
  bool list = false;   // print the selected cases, then end
};

/// Parses the command line, makes the cases that it asks for and keeps the selected ones. `name_of`
/// and `line_of` give a case's name and its line in the list. Returns the exit code when the
/// program ends here: help, bad usage, no case, or the list.
template <typename Case, typename MakeCases, typename NameOf, typename LineOf>
std::optional<int> choose_cases(CLI::App& app, int argc, char** argv, const CaseChoice& choice,
                                std::vector<Case>& cases, MakeCases make_cases, NameOf name_of,
                                LineOf line_of) {
  try {
    app.parse(argc, argv);
    cases = make_cases();
    CaseFilter(choice.filter).keep_selected(cases, name_of);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\nRun with --help for the options.\n", error.what());
    return kExitUsage;
  }
  if (cases.empty()) {
    fmt::print(stderr, "no case matches '{}'; --list shows all\n", choice.filter);
    return kExitUsage;
  }
  if (!choice.list) return std::nullopt;
  for (const Case& one : cases) fmt::print("{}\n", line_of(one));
  return kExitOk;
}

}  // namespace notifier
