// SPDX-License-Identifier: MIT
// Plants each class of wrong data and requires that it is caught and classified. "0 violations"
// means nothing without it.
#pragma once

#include <string>
#include <vector>

#include "harness/worker_process.hpp"

namespace notifier {

struct SelfTestOutcome {
  std::string planted;  // class, or the hook that was skipped
  std::string recovery;
  std::string expected;  // class that must be counted
  bool caught = false;
  bool caught_at_end = false;  // a look at the memory after the last event would have found it
  unsigned attempts = 0;       // more than one: other programs' page migration hid it before
  std::string found;           // counts of all classes, or why the run failed
  std::string left_out;        // why this machine cannot be asked; empty: it was
};

/// Runs a short case with each plant and recovery in a worker of its own. On the software GPU the
/// plants sit in its memory management; on a real GPU the CPU puts the wrong records into the
/// buffer.
std::vector<SelfTestOutcome> run_self_test(const DeviceInfo& device, std::uint64_t seed);

/// Every one that was not left out.
bool all_caught(const std::vector<SelfTestOutcome>& outcomes);

/// One line about one plant; one about all, with what a check at the end would have missed.
std::string describe(const SelfTestOutcome& outcome);
std::string summarize(const std::vector<SelfTestOutcome>& outcomes);

}  // namespace notifier
