// SPDX-License-Identifier: MIT
// Finite kernels on compute queues. KFD preempts those like any others (kfd_facts §0.36), so nobody
// waits for them but the application: the recovery `application_drain` is a host-side fence before
// the call. The rows `preempt` and `retry_fault` make the same call beside the same job, and show
// what the fence buys.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/drain_session.hpp"
#include "bench/finite_job_cases.hpp"
#include "harness/case_run.hpp"

namespace notifier {

struct DrainCase {
  Memory memory = Memory::kUserptr;
  Recovery mode = Recovery::kPreempt;  // XNACK mode: kPreempt is without, kRetryFault is with
  const Perturbation* perturbation = nullptr;
  Fence fence = Fence::kBeforeCall;
  std::uint64_t size_bytes = 0;
  std::uint64_t job_ns = 0;

  /// "application_drain", with retry faults on "application_drain_retry_fault"; without a fence the
  /// mode. Never wait_for_jobs: that is what a driver does.
  std::string_view recovery() const;
  FiniteJobNames names() const;
  /// "userptr/anon/dontneed/default/application_drain/job_5ms/4MiB".
  std::string name() const { return names().case_name(); }
  /// What the memory is made of, and the worker that it needs.
  Case memory_case() const;
};

/// Raised when the meaning of the numbers changes.
inline constexpr int kDrainCaseVersion = 1;

std::vector<DrainCase> all_drain_cases();
std::optional<DrainCase> find_drain_case(std::string_view name);

struct DrainRequest {
  DrainCase wanted;
  FiniteJobRun run;
};

/// Why the device does not survive this case on memory that it reaches in this way; empty when it
/// does.
std::string drain_obstacle(const DrainCase& wanted, MemoryPath path);

/// What a row says before anything was measured.
analysis::SummaryRow describe_drain_case(const DrainRequest& request);

/// Each event: a job, the call at a random moment of it or after its fence, and one more job on the
/// memory as it then is. What the driver did meanwhile is in driver_actions and recovery_observed;
/// `recovery_differs` marks what the memory's path does not ask for. An application_drain whose
/// fence returned before the job's end is a failed case, and so is what `jobs` throws, except
/// CannotPerform. The observer gets the samples.
CaseResult run_drain_case(const DrainRequest& request, FiniteJobs& jobs,
                          const CaseObserver& observer);

}  // namespace notifier
