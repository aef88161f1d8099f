// SPDX-License-Identifier: MIT
// The bridge to Google Benchmark, which owns registry, filter, repetitions and its JSON output.
#pragma once

#include <string>
#include <vector>

#include "bench/options.hpp"
#include "bench/suite.hpp"

namespace notifier {

/// Registers every planned case; a run of it is one iteration, its time the run's median stall.
void register_cases(const std::vector<PlannedCase>& plan);

/// Hands Google Benchmark its arguments. False when it does not know one of them.
bool initialize_google_benchmark(const Options& options, const char* program);

/// Numbers of the registered cases that the filter selects, in order.
std::vector<std::size_t> filtered_cases(const std::vector<PlannedCase>& plan,
                                        const Options& options, const char* program);

/// Runs what the filter selects through `suite`, with progress on stderr and one table line per run
/// on stdout.
void run_registered(Suite& suite, const Options& options, std::size_t selected_cases);

}  // namespace notifier
