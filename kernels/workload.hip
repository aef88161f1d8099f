// SPDX-License-Identifier: MIT
#include "device_primitives.hpp"
#include "sweep/lane_sweep.hpp"
#include "workload.hpp"

namespace notifier {

__global__ void workload_kernel(WorkloadArguments arguments) {
  device::LaneSweep lane(arguments);
  lane.begin();
  while (lane.running()) {
    lane.sweep_pass();
  }
  lane.finish();
}

NOTIFIER_KERNEL(workload_kernel, WorkloadArguments);

hipError_t launch_workload(const WorkloadArguments& arguments, const WorkloadGrid& grid,
                           hipStream_t stream) {
  WorkloadArguments copy = arguments;
  void* parameters[] = {&copy};
  return hipLaunchKernel(workload_function(), dim3(grid.waves), dim3(grid.lanes_per_wave),
                         parameters, 0, stream);
}

const void* workload_function() { return reinterpret_cast<const void*>(&workload_kernel); }

}  // namespace notifier
