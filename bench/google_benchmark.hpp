// SPDX-License-Identifier: MIT
// The bridge to Google Benchmark, which owns registry, repetitions and its JSON output.
#pragma once

#include <string>
#include <vector>

#include "bench/options.hpp"
#include "bench/suite.hpp"

namespace notifier {

/// Registers every planned case; one iteration is one run, its time the run's median stall.
void register_cases(const std::vector<PlannedCase>& plan);

/// Hands Google Benchmark its arguments. False when it does not know one of them.
bool initialize_google_benchmark(const Options& options, const char* program);

struct ScheduledRun {
  std::size_t number;  // of the case in the plan
  std::uint32_t run;
};

/// All cases once before any a second time, each time in an order that `seed` fixes: runs of one
/// case that follow each other are no replicates.
std::vector<ScheduledRun> make_schedule(std::size_t cases, std::uint32_t runs, std::uint64_t seed);

/// Runs the registered cases through `suite` in the order of make_schedule(). Progress goes to
/// stderr, one table line per run to stdout. Returns all rows, in the order in which they were
/// made.
std::vector<analysis::SummaryRow> run_registered(Suite& suite, const std::vector<PlannedCase>& plan,
                                                 const Options& options, std::uint64_t seed);

}  // namespace notifier
