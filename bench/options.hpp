// SPDX-License-Identifier: MIT
// The command line. --help and the documentation come from the table in options.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/bystander_set.hpp"

namespace notifier {

struct Options {
  std::string selection = "default";
  bool selection_given = false;  // by --selection or --table
  bool all = false;
  std::string filter;                    // regular expression; our spelling of --benchmark_filter
  std::string recipe;                    // name of one, or empty
  std::vector<std::string> mitigations;  // of the recipe; none: all
  std::string table;                     // "fork-policy" or empty
  bool csv = false;                      // the table as CSV
  bool list = false;
  bool long_list = false;
  bool list_names = false;  // --benchmark_list_tests
  bool dry_run = false;
  bool self_test_only = false;
  bool no_self_test = false;
  bool validate_meter = false;
  bool hazardous = false;
  bool share_gpu = false;
  bool probe = false;
  bool json = false;
  std::string explain;  // name of a case
  std::string trace;    // regular expression: cases of which every event is traced
  bool histogram = false;
  BystanderSet bystanders;
  bool kprobes = false;
  std::string observer_cost;         // name of a case
  std::vector<std::string> command;  // all arguments, those of a replayed recording included
  std::string storm;                 // name of a case
  std::string replay;                // folder of a recording
  std::optional<double> precision;   // share of the median at which a case is done
  bool precision_of_p99 = false;
  std::uint32_t time_budget_s = 900;  // with precision
  std::string health_root;            // kernel log and taint are watched below it, not below /
  std::string sysroot;                // for --probe: the root of another machine's files
  bool isolate = false;
  std::optional<std::uint64_t> seed;
  std::uint32_t runs = 1;
  std::optional<std::uint32_t> events;
  std::vector<std::uint64_t> sizes_bytes;
  std::optional<std::uint32_t> waves;
  std::string results = "results";
  std::string machine;  // empty: the host's name
  std::uint32_t case_time_limit_s = 120;
  std::uint32_t patience_s = 20;
  std::vector<std::string> google_benchmark;  // arguments that go on to Google Benchmark
};

/// What parsing came to: go on, or end with this exit code after having printed why.
struct ParsedOptions {
  Options options;
  std::optional<int> exit_code;
};

/// --replay is resolved: the options are those of the recording, as far as none is given again.
ParsedOptions parse_options(int argc, char** argv);

}  // namespace notifier
