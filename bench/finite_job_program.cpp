// SPDX-License-Identifier: MIT
#include "bench/finite_job_program.hpp"

#include <signal.h>

#include <algorithm>
#include <csignal>
#include <numeric>
#include <random>

#include "analysis/flags.hpp"
#include "analysis/summary.hpp"
#include "bench/recording_identity.hpp"
#include "bench/row_counts.hpp"
#include "bench/run_options.hpp"
#include "harness/format.hpp"
#include "harness/pin/clock.hpp"

namespace notifier {
namespace {

volatile std::sig_atomic_t stop_signal = 0;
void request_stop(int number) { stop_signal = number; }

/// Prints the sums and returns the exit code.
int report(const RowCounts& counts, std::string_view unsafe) {
  fmt::print("{}\n", counts.sentence());
  if (!unsafe.empty()) fmt::print("stopped for safety: {}\n", unsafe);
  if (end_requested()) return kExitInterrupted;
  return unsafe.empty() ? counts.exit_code() : kExitViolation;
}

}  // namespace

void add_options(CLI::App& app, FiniteJobOptions& options) {
  app.add_option("--filter", options.choice.filter,
                 "Only cases whose name matches this expression");
  app.add_flag("--list", options.choice.list, "List the cases and what each does, then end");
  app.add_flag("--share-gpu", options.share_gpu, "Run although others use the GPU");
  app.add_option("--events", options.events, "Events in each run")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  add_runs_option(app, options.runs);
  app.add_option("--case-time-limit", options.case_time_limit_s,
                 "Seconds after which a run of a case ends with the events it has")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Seed of order and moments; printed, replayable");
  add_results_option(app, options.results);
}

void end_on_signals() {
  struct sigaction action {};
  action.sa_handler = request_stop;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool end_requested() { return stop_signal != 0; }

std::uint64_t seed_of(const FiniteJobOptions& options) {
  return options.seed ? *options.seed : std::random_device{}();
}

std::string median_of(std::string_view metric, const std::vector<analysis::SummaryRow>& rows) {
  const auto row =
      std::find_if(rows.begin(), rows.end(), [&](const auto& one) { return one.metric == metric; });
  return format_duration(row == rows.end() ? std::nullopt : row->p50);
}

int record_finite_jobs(const FiniteJobOptions& options, std::size_t cases,
                       std::vector<std::string> command, const FiniteJobProgram& program,
                       std::uint64_t seed) {
  NewRecording made =
      describe_recording(program.platform, program.device, seed, std::move(command));
  made.manifest.update(program.manifest);
  Recording recording(options.results, std::move(made.manifest));
  const std::int64_t start_ns = pin::raw_clock_ns();
  std::mt19937_64 random(seed);
  std::vector<std::size_t> order(cases);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto time_limit = std::chrono::seconds(options.case_time_limit_s);
  RowCounts counts;
  std::string unsafe;
  std::size_t begun = 0;
  for (std::uint32_t run = 0; run < options.runs; ++run) {
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t number : order) {
      if (end_requested() || !unsafe.empty()) break;
      fmt::print(stderr, "[{}/{}]\n", ++begun, cases * options.runs);
      FiniteJobResult result = program.measure(number, {.events = options.events,
                                                        .run = run,
                                                        .seed = random() >> 16,
                                                        .recording_start_ns = start_ns,
                                                        .time_limit = time_limit});
      made.identity.complete(result.identity, recording.name());
      for (analysis::SampleRow& sample : result.samples) sample.recording = recording.name();
      const auto rows = analysis::summarize_run(result.identity, result.samples, result.run_values);
      recording.add(rows, result.samples);
      counts.add(result.identity);
      program.print(result, rows);
      unsafe = program.unsafe_reason();
    }
  }
  nlohmann::json end = program.manifest_end();
  end.update({{"finished_utc", utc_now()},
              {"interrupted", end_requested()},
              {"stopped_for_safety", unsafe}});
  recording.write_manifest(end);
  const int exit_code = report(counts, unsafe);
  if (program.platform == "software") {
    fmt::print("platform=software: these times describe the software GPU, not AMD hardware.\n");
  }
  fmt::print("results: {}\n", recording.folder().string());
  return exit_code;
}

}  // namespace notifier
