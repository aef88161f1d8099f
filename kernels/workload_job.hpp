// SPDX-License-Identifier: MIT
// The workload as a chain of jobs that end by themselves, for devices that wait for jobs instead of
// stopping them. Each job goes on where the last one ended, so that host and memory see one sweep.
#pragma once

#include "workload.hpp"

namespace notifier {

/// A lane's state between two jobs: written and read by the device only, zero before the first.
struct alignas(64) SavedLane {
  std::uint64_t last_stamp_ticks;  // the last progress of the last job
  std::uint64_t words[31];         // LaneSweep's own
};

struct JobArguments {
  WorkloadArguments workload;  // deadline_ticks is the length of one job
  SavedLane* saved;            // one per lane
};

/// Launches the next job on `stream`. Jobs must not overlap. Returns what hipLaunchKernel returned.
hipError_t launch_workload_job(const JobArguments& arguments, const WorkloadGrid& grid,
                               hipStream_t stream);

/// For hipFuncGetAttributes.
const void* workload_job_function();

}  // namespace notifier
