// SPDX-License-Identifier: MIT
// Finite kernels on compute queues. KFD preempts those like any others (kfd_facts §0.36), so nobody
// waits for them but the application: the recovery `application_drain` is a host-side fence before
// the call. The rows `preempt` make the same call beside the same job, and show what the fence
// buys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/schema.hpp"
#include "analysis/summary.hpp"
#include "bench/drain_session.hpp"

namespace notifier {

inline constexpr std::string_view kApplicationDrain = "application_drain";

struct DrainCase {
  const Perturbation* perturbation = nullptr;
  Fence fence = Fence::kBeforeCall;
  std::uint64_t size_bytes = 0;
  std::uint64_t job_ns = 0;

  /// "application_drain" or "preempt". Never wait_for_jobs: that is what a driver does.
  std::string_view recovery() const;
  /// "userptr/anon/dontneed/default/application_drain/job_5ms/4MiB".
  std::string name() const;
  /// What the memory is made of.
  Case memory_case() const;
};

/// Raised when the meaning of the numbers changes.
inline constexpr int kDrainCaseVersion = 1;

std::vector<DrainCase> all_drain_cases();

struct DrainRequest {
  DrainCase wanted;
  std::uint32_t events = 0;
  std::uint32_t run = 0;
  std::uint64_t seed = 0;
  std::int64_t recording_start_ns = 0;
};

struct DrainResult {
  analysis::SummaryRow identity;
  std::vector<analysis::SampleRow> samples;
};

/// Why the device does not survive this case on memory that it reaches in this way; empty when it
/// does.
std::string drain_obstacle(const DrainCase& wanted, MemoryPath path);

/// Rows without a measurement.
DrainResult drain_case_without(const DrainRequest& request, analysis::Status status,
                               const std::string& reason);

/// Each event: a job, the call at a random moment of it or after its fence, and one more job on the
/// memory as it then is. What the driver did meanwhile is in driver_actions and recovery_observed;
/// `recovery_differs` marks what the memory's path does not ask for, and an application_drain whose
/// fence returned before the job's end is a failed case.
DrainResult run_drain_case(const DrainRequest& request, FiniteJobs& jobs);

}  // namespace notifier
