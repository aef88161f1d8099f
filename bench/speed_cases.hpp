// SPDX-License-Identifier: MIT
// The cases of softgpu_speed: what each measures, and which case of the same run it is compared
// with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/metrics.hpp"
#include "analysis/schema.hpp"
#include "bench/speed_measures.hpp"
#include "bench/speed_notify.hpp"

namespace notifier {

/// What one run of one case gave: events, or one value.
struct SpeedResult {
  std::vector<TimedEvent> events;
  std::optional<double> value;
};

struct SpeedCase;

struct SpeedRequest {
  const SpeedCase& wanted;
  SpeedBudget budget;
  std::uint64_t seed = 0;
  const BareNotification& bare;
};

struct SpeedCase {
  std::string name;
  std::string reference;             // the case that it is compared with; empty: none
  std::string wake_reference;        // what a wait takes besides: to be woken by another CPU
  std::optional<double> most_ratio;  // target of design: at most so many times the reference
  analysis::Metric metric = analysis::Metric::kSyscall;
  std::uint32_t waves = 1;
  std::size_t size_bytes = 4096;  // of each range
  std::size_t ranges = 1;
  std::int64_t settled_ns = 0;  // from the end of the restore before until the call
  bool waits_for_jobs = false;  // of a device that cannot be preempted
  std::uint64_t job_ns = 0;     // the wait is uniform from 0 to it; 0: the job has ended
  SpeedResult (*measure)(const SpeedRequest&) = nullptr;
};

/// Raised when the meaning of the numbers changes.
inline constexpr int kSpeedCaseVersion = 3;
inline constexpr std::uint32_t kMostSpeedWaves = 64;

/// A reference stands before the cases that are compared with it.
std::vector<SpeedCase> speed_cases_of_preemption();
std::vector<SpeedCase> speed_cases_of_jobs();

/// Why the machine has no room for the case; empty when it has.
std::string speed_obstacle(const SpeedCase& wanted);

/// The columns of summary.csv that describe the case.
analysis::SummaryRow describe(const SpeedCase& wanted);

}  // namespace notifier
