// SPDX-License-Identifier: MIT
// Plants each class of wrong data and requires that it is caught and classified. "0 violations"
// means nothing without it.
#pragma once

#include <string>
#include <vector>

#include "harness/worker_process.hpp"

namespace notifier {

struct SelfTestOutcome {
  std::string planted;   // class, or the hook that was skipped
  std::string expected;  // class that must be counted
  bool caught = false;
  std::string found;  // counts of all classes, or why the run failed
};

/// Runs a short case with each plant in a worker of its own. On the software GPU the plants sit in
/// its memory management; on a real GPU the CPU puts the wrong records into the buffer.
std::vector<SelfTestOutcome> run_self_test(const DeviceInfo& device, std::uint64_t seed);

bool all_caught(const std::vector<SelfTestOutcome>& outcomes);

}  // namespace notifier
