// SPDX-License-Identifier: MIT
#include "bench/finite_job_program.hpp"

#include <signal.h>

#include <csignal>

#include "analysis/summary.hpp"

namespace notifier {
namespace {

volatile std::sig_atomic_t stop_signal = 0;
void request_stop(int number) { stop_signal = number; }

}  // namespace

void add_options(CLI::App& app, FiniteJobOptions& options) {
  app.add_option("--filter", options.filter, "Only cases whose name matches this expression");
  app.add_flag("--list", options.list, "List the cases and what each does, then end");
  app.add_flag("--share-gpu", options.share_gpu, "Run although others use the GPU");
  app.add_option("--events", options.events, "Events in each run")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  app.add_option("--runs", options.runs, "Runs of each case")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Seed of order and moments; printed, replayable");
  app.add_option("--results", options.results, "Directory below which results are stored")
      ->capture_default_str();
}

void end_on_signals() {
  struct sigaction action {};
  action.sa_handler = request_stop;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool end_requested() { return stop_signal != 0; }

void FiniteJobCounts::add(const analysis::SummaryRow& row) {
  switch (row.status) {
    case analysis::Status::kOk:
      ++ok;
      break;
    case analysis::Status::kSkipped:
      ++skipped;
      break;
    case analysis::Status::kFailed:
      ++failed;
      break;
  }
  violations += analysis::total_violations(row).value_or(0);
}

int report_counts(const FiniteJobCounts& counts, std::string_view unsafe) {
  fmt::print("{} ok, {} skipped, {} failed; {} integrity violations\n", counts.ok, counts.skipped,
             counts.failed, counts.violations);
  if (!unsafe.empty()) fmt::print("stopped for safety: {}\n", unsafe);
  if (end_requested()) return kExitInterrupted;
  if (counts.failed + counts.violations > 0 || !unsafe.empty()) return kExitViolation;
  return counts.ok == 0 ? kExitNothingRan : kExitOk;
}

}  // namespace notifier
