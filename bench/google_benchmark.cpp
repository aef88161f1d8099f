// SPDX-License-Identifier: MIT
#include "bench/google_benchmark.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <numeric>
#include <random>
#include <utility>

#include "bench/stopping_rule.hpp"
#include "harness/console_table.hpp"
#include "harness/format.hpp"

namespace notifier {
namespace {

using analysis::Metric;

using Rows = std::vector<analysis::SummaryRow>;

/// What the registered functions work on while RunSpecifiedBenchmarks calls them. Google Benchmark
/// asks for all repetitions of one case before it goes on to the next; runs that lie close together
/// in time are no replicates, so they are made in the order of `schedule` and handed out as asked.
struct Current {
  Suite* suite = nullptr;
  const std::vector<PlannedCase>* plan = nullptr;
  std::vector<ScheduledRun> schedule;
  std::size_t next = 0;
  ConsoleTable table;
  std::map<std::pair<std::size_t, std::uint32_t>, Rows> made;
  std::map<std::size_t, std::uint32_t> runs_asked;
  Rows all;
  std::chrono::steady_clock::time_point start;
} current;

const analysis::SummaryRow* find_all(const Rows& rows, Metric metric) {
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
  std::string place = std::to_string(current.next + 1);
  if (!current.schedule.empty()) place += fmt::format("/{}", current.schedule.size());
  if (current.next > 0 && !current.schedule.empty()) {
    const double each_s = elapsed_s / static_cast<double>(current.next);
    place += ", about " +
             format_clock(each_s * static_cast<double>(current.schedule.size() - current.next)) +
             " left";
  }
  // On a terminal the line is overwritten by the result; elsewhere a log keeps it.
  std::fprintf(stderr, isatty(STDERR_FILENO) != 0 ? "\r\033[K[%s] %s" : "[%s] %s\n", place.c_str(),
               name.c_str());
  std::fflush(stderr);
}

void make_run(const ScheduledRun& scheduled) {
  const PlannedCase& planned = (*current.plan)[scheduled.number];
  if (!current.suite->stopped()) show_progress(planned.wanted.name());
  Rows rows = current.suite->run(planned, scheduled.run);
  ++current.next;
  if (isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "\r\033[K");
  if (!rows.empty()) std::printf("%s\n", current.table.line(rows).c_str());
  std::fflush(stdout);
  current.all.insert(current.all.end(), rows.begin(), rows.end());
  current.made[{scheduled.number, scheduled.run}] = std::move(rows);
}

void make_next_run() { make_run(current.schedule[current.next]); }

/// One value per run so far: its median, or its 99th percentile where it has one.
std::vector<double> run_values(std::size_t number, bool of_p99) {
  std::vector<double> values;
  for (const auto& [key, rows] : current.made) {
    const analysis::SummaryRow* stall = find_all(rows, Metric::kStall);
    if (key.first != number || stall == nullptr) continue;
    if (const auto& value = of_p99 ? stall->p99 : stall->p50) values.push_back(*value);
  }
  return values;
}

/// A run that gave no such value will not give one the next time either.
bool gave_value(std::size_t number, std::uint32_t run, bool of_p99) {
  return run_values(number, of_p99).size() == run + 1;
}

/// Rounds of one run of each case that is not yet precise, in a new seeded order each, until all
/// are or the time is up. Prints how it ended.
void run_until_precise(const Options& options, std::uint64_t seed) {
  const auto end = current.start + std::chrono::seconds(options.time_budget_s);
  const bool of_p99 = options.precision_of_p99;
  std::vector<std::size_t> open(current.plan->size());
  std::iota(open.begin(), open.end(), std::size_t{0});
  const auto in_time = [&] {
    return !current.suite->stopped() && std::chrono::steady_clock::now() < end;
  };
  for (std::uint32_t run = 0; !open.empty() && in_time(); ++run) {
    std::shuffle(open.begin(), open.end(), std::mt19937_64(seed + run));
    for (const std::size_t number : open) {
      if (in_time()) make_run({number, run});
    }
    std::erase_if(open, [&](std::size_t number) {
      return precision_of(run_values(number, of_p99)).reached(*options.precision) ||
             (in_time() && !gave_value(number, run, of_p99));
    });
  }
  for (std::size_t number = 0; number < current.plan->size(); ++number) {
    // Each has a row that says why it did not run.
    if (current.suite->stopped() && current.made.count({number, 0}) == 0) make_run({number, 0});
    const PrecisionState state = precision_of(run_values(number, of_p99));
    const bool still_open = std::find(open.begin(), open.end(), number) != open.end();
    std::printf("precision of %s of %s: %s%s\n", of_p99 ? "p99" : "the median",
                (*current.plan)[number].wanted.name().c_str(), describe(state).c_str(),
                state.reached(*options.precision) ? ""
                : still_open                      ? "; the time budget ended"
                                                  : "; the case gives no such value");
  }
}

const Rows& obtain(std::size_t number) {
  const std::pair<std::size_t, std::uint32_t> wanted{number, current.runs_asked[number]++};
  while (current.made.count(wanted) == 0 && current.next < current.schedule.size()) {
    make_next_run();
  }
  return current.made[wanted];
}

void run_one(benchmark::State& state, std::size_t number) {
  const Rows* rows = nullptr;
  for (auto iteration : state) {
    (void)iteration;
    rows = &obtain(number);
    const analysis::SummaryRow* stall = find_all(*rows, Metric::kStall);
    // Google Benchmark takes seconds and has no word for "none".
    state.SetIterationTime(stall != nullptr ? stall->p50.value_or(0) / 1e9 : 0);
  }
  if (rows == nullptr || rows->empty()) {
    state.SkipWithError("stopped before it ran");
    return;
  }
  const analysis::SummaryRow& first = rows->front();
  if (first.status != analysis::Status::kOk) {
    state.SkipWithError(first.reason.c_str());
    return;
  }
  // Undefined values are left out: NaN would make the JSON invalid.
  for (const Metric metric : {Metric::kStall, Metric::kSyscall}) {
    const analysis::SummaryRow* row = find_all(*rows, metric);
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

}  // namespace

void register_cases(const std::vector<PlannedCase>& plan) {
  for (std::size_t number = 0; number < plan.size(); ++number) {
    benchmark::RegisterBenchmark(plan[number].wanted.name().c_str(),
                                 [number](benchmark::State& state) { run_one(state, number); })
        ->Iterations(1)
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  }
}

bool initialize_google_benchmark(const Options& options, const char* program) {
  std::vector<std::string> arguments = options.google_benchmark;
  arguments.push_back("--benchmark_repetitions=" + std::to_string(options.runs));
  // Google Benchmark 1.7 keeps this pointer and prints it as "executable" when the runs are over,
  // so it has to be main()'s own (BenchmarkReporter::Context::executable_name).
  std::vector<char*> pointers{const_cast<char*>(program)};
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  return !benchmark::ReportUnrecognizedArguments(count, pointers.data());
}

std::vector<ScheduledRun> make_schedule(std::size_t cases, std::uint32_t runs, std::uint64_t seed) {
  std::vector<ScheduledRun> schedule;
  std::vector<std::size_t> order(cases);
  for (std::uint32_t run = 0; run < runs; ++run) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), std::mt19937_64(seed + run));
    for (const std::size_t number : order) schedule.push_back({number, run});
  }
  return schedule;
}

std::vector<analysis::SummaryRow> run_registered(Suite& suite, const std::vector<PlannedCase>& plan,
                                                 const Options& options, std::uint64_t seed) {
  current = {};
  current.suite = &suite;
  current.plan = &plan;
  current.schedule = make_schedule(plan.size(), options.runs, seed);
  current.start = std::chrono::steady_clock::now();
  for (const PlannedCase& planned : plan) current.table.make_room_for(planned.wanted.name());
  std::printf("%s\n", current.table.header().c_str());
  SilentReporter reporter;
  if (options.precision) {
    current.schedule.clear();
    run_until_precise(options, seed);
  }
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return std::move(current.all);
}

}  // namespace notifier
