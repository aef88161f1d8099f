// SPDX-License-Identifier: MIT
// --storm: one perturbation from 1 to 10 000 times a second, and what is left of the work.
#pragma once

#include <span>
#include <string>

#include "bench/options.hpp"
#include "harness/storm.hpp"
#include "harness/worker_process.hpp"

namespace notifier {

std::string storm_markdown(const std::string& case_name, std::span<const StormPoint> points);
std::string storm_csv(std::span<const StormPoint> points);

/// Runs and prints it. Returns the exit code.
int print_storm(const Options& options, const DeviceInfo& device, std::uint64_t seed);

}  // namespace notifier
