// SPDX-License-Identifier: MIT
// The command line of notifier_compare.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/compare/compared_events.hpp"
#include "analysis/compare/comparison.hpp"

namespace notifier::analysis {

struct CommandLine {
  std::vector<std::string> paths;  // OLD NEW, or what --by splits, --plan and --aa look at
  std::vector<std::string> old_words;
  std::vector<std::string> new_words;
  std::string by;
  std::vector<std::string> boot_noise;
  std::string case_pattern;
  std::vector<std::string> metrics;
  EventSet events = kComparedEvents;
  CompareOptions compare;
  bool strict = false;
  bool bisect = false;
  bool quiet = false;
  bool all = false;
  std::size_t most = 40;
  bool colour = false;
  std::string csv_file;
  std::string json_file;
  std::string markdown_file;
  std::string junit_file;
  std::string html_file;
  bool plan = false;
  double plan_effect = 0.05;
  double plan_power = 0.9;
  std::optional<std::size_t> false_alarm_splits;
};

struct ParsedCommandLine {
  CommandLine options;
  std::optional<int> exit_code;  // end with it; the reason was printed
};

ParsedCommandLine parse_command_line(int argc, char** argv);

}  // namespace notifier::analysis
