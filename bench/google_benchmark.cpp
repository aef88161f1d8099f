// SPDX-License-Identifier: MIT
#include "bench/google_benchmark.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <sstream>

#include "harness/console_table.hpp"
#include "harness/format.hpp"

namespace notifier {
namespace {

using analysis::Metric;

/// What the registered functions work on while RunSpecifiedBenchmarks calls them.
struct Current {
  Suite* suite = nullptr;
  std::map<std::size_t, std::uint32_t> runs_done;
  std::size_t lines = 0;
  std::size_t lines_planned = 0;
  std::chrono::steady_clock::time_point start;
} current;

const analysis::SummaryRow* find_all(const std::vector<analysis::SummaryRow>& rows, Metric metric) {
  for (const analysis::SummaryRow& row : rows) {
    if (row.metric == analysis::info(metric).name && row.events == analysis::EventSet::kAll) {
      return &row;
    }
  }
  return nullptr;
}

void show_progress(const std::string& name) {
  const double elapsed_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - current.start).count();
  const std::size_t done = current.lines;
  std::string left = "";
  if (done > 0) {
    const double each_s = elapsed_s / static_cast<double>(done);
    left = ", about " + format_clock(each_s * static_cast<double>(current.lines_planned - done)) +
           " left";
  }
  // On a terminal the line is overwritten by the result; elsewhere a log keeps it.
  std::fprintf(stderr, isatty(STDERR_FILENO) != 0 ? "\r\033[K[%zu/%zu%s] %s" : "[%zu/%zu%s] %s\n",
               done + 1, current.lines_planned, left.c_str(), name.c_str());
  std::fflush(stderr);
}

void run_one(benchmark::State& state, const PlannedCase& planned, std::size_t number) {
  std::vector<analysis::SummaryRow> rows;
  for (auto iteration : state) {
    (void)iteration;
    if (!current.suite->stopped()) show_progress(planned.wanted.name());
    rows = current.suite->run(planned, current.runs_done[number]++);
    const analysis::SummaryRow* stall = find_all(rows, Metric::kStall);
    // Google Benchmark takes seconds and has no word for "none".
    state.SetIterationTime(stall != nullptr ? stall->p50.value_or(0) / 1e9 : 0);
  }
  ++current.lines;
  if (isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "\r\033[K");
  if (rows.empty()) {
    state.SkipWithError("stopped before it ran");
    return;
  }
  std::printf("%s\n", table_line(rows).c_str());
  std::fflush(stdout);
  const analysis::SummaryRow& first = rows.front();
  if (first.status != analysis::Status::kOk) {
    state.SkipWithError(first.reason.c_str());
    return;
  }
  // Undefined values are left out: NaN would make the JSON invalid.
  for (const Metric metric : {Metric::kStall, Metric::kSyscall}) {
    const analysis::SummaryRow* row = find_all(rows, metric);
    if (row == nullptr) continue;
    const std::string name(analysis::info(metric).name);
    if (row->p50) state.counters["p50_" + name] = *row->p50;
    if (row->p90) state.counters["p90_" + name] = *row->p90;
    if (row->p99) state.counters["p99_" + name] = *row->p99;
    if (row->max) state.counters["max_" + name] = *row->max;
  }
  state.counters["violations"] = static_cast<double>(analysis::total_violations(first).value_or(0));
}

/// The table lines are printed as runs end; Google Benchmark's own console stays silent.
class SilentReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>&) override {}
};

bool give_arguments(const Options& options, const char* program,
                    const std::vector<std::string>& more) {
  std::vector<std::string> arguments{program};
  arguments.insert(arguments.end(), options.google_benchmark.begin(),
                   options.google_benchmark.end());
  arguments.push_back("--benchmark_repetitions=" + std::to_string(options.runs));
  if (!options.filter.empty()) arguments.push_back("--benchmark_filter=" + options.filter);
  arguments.insert(arguments.end(), more.begin(), more.end());
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  return !benchmark::ReportUnrecognizedArguments(count, pointers.data());
}

}  // namespace

void register_cases(const std::vector<PlannedCase>& plan) {
  for (std::size_t number = 0; number < plan.size(); ++number) {
    const PlannedCase planned = plan[number];
    benchmark::RegisterBenchmark(
        planned.wanted.name().c_str(),
        [planned, number](benchmark::State& state) { run_one(state, planned, number); })
        ->Iterations(1)
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  }
}

bool initialize_google_benchmark(const Options& options, const char* program) {
  return give_arguments(options, program, {});
}

std::vector<std::size_t> filtered_cases(const std::vector<PlannedCase>& plan,
                                        const Options& options, const char* program) {
  // Google Benchmark's own listing is the only interface to what its filter selects.
  give_arguments(options, program, {"--benchmark_list_tests=true"});
  std::ostringstream names;
  benchmark::ConsoleReporter reporter;
  reporter.SetOutputStream(&names);
  reporter.SetErrorStream(&names);
  benchmark::RunSpecifiedBenchmarks(&reporter);
  give_arguments(options, program, {"--benchmark_list_tests=false"});
  std::map<std::string, std::size_t> numbers;
  for (std::size_t number = 0; number < plan.size(); ++number) {
    numbers[plan[number].wanted.name()] = number;
  }
  std::vector<std::size_t> selected;
  std::istringstream lines(names.str());
  for (std::string line; std::getline(lines, line);) {
    // "<name>/iterations:1/manual_time"
    const auto found = numbers.find(line.substr(0, line.find("/iterations:")));
    if (found != numbers.end()) selected.push_back(found->second);
  }
  return selected;
}

void run_registered(Suite& suite, const Options& options, std::size_t selected_cases) {
  current = {};
  current.suite = &suite;
  current.lines_planned = selected_cases * options.runs;
  current.start = std::chrono::steady_clock::now();
  std::printf("%s\n", table_header().c_str());
  SilentReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
}

}  // namespace notifier
