// SPDX-License-Identifier: MIT
// Finds what belongs together on both sides.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "analysis/compare/run_set.hpp"

namespace notifier::analysis {

using Runs = std::vector<const CaseRun*>;

// One case on one machine and GPU. A side without runs is empty.
struct CasePair {
  std::string machine;  // of the new side where it differs, which only --vary machine allows
  std::string device;
  std::string platform;
  std::string case_name;
  Runs old_runs;
  Runs new_runs;
  Runs boot_noise;
  const RecordingInfo* recording = nullptr;  // of the last run, of the new side where it has any
};

// Ascending by case, machine and device. Machine, device and platform belong to the identity of a
// series unless `varied` covers them or, for the platform, `force` is set.
std::vector<CasePair> pair_cases(const RunSet& old_runs, const RunSet& new_runs,
                                 const RunSet& boot_noise, std::span<const std::string> varied,
                                 bool force);

// Why figures of both sides do not compare, for example another case_version; empty when they do.
std::string find_incomparable(const CasePair& pair);

// Observations that may explain a difference: memory path or recovery changed.
std::string describe_changes(const CasePair& pair);

// Metrics that a run of either side has, ascending.
std::vector<std::string> metrics_of(const CasePair& pair);

Runs runs_with_metric(const Runs& runs, const std::string& metric);

}  // namespace notifier::analysis
