// SPDX-License-Identifier: MIT
#include "device_primitives.hpp"
#include "sweep/lane_sweep.hpp"
#include "workload_job.hpp"

namespace notifier {

__global__ void workload_job_kernel(JobArguments arguments) {
  using namespace device;
  SavedLane* const saved =
      arguments.saved + static_cast<std::uint64_t>(wave_index()) * lanes_per_wave() + lane_index();
  LaneSweep lane(arguments.workload);
  lane.resume(saved->words);
  lane.sweep_job();
  lane.save(saved->words);
  store(&saved->last_stamp_ticks, lane.last_stamp_ticks());
}

NOTIFIER_KERNEL(workload_job_kernel, JobArguments);

hipError_t launch_workload_job(const JobArguments& arguments, const WorkloadGrid& grid,
                               hipStream_t stream) {
  JobArguments copy = arguments;
  void* parameters[] = {&copy};
  return hipLaunchKernel(workload_job_function(), dim3(grid.waves), dim3(grid.lanes_per_wave),
                         parameters, 0, stream);
}

const void* workload_job_function() { return reinterpret_cast<const void*>(&workload_job_kernel); }

}  // namespace notifier
