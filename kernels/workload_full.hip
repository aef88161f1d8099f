// SPDX-License-Identifier: MIT
#include "device_primitives.hpp"
#include "sweep/held_context.hpp"
#include "sweep/lane_sweep.hpp"
#include "workload_full.hpp"

namespace notifier {

__global__ void workload_full_kernel(WorkloadArguments arguments) {
  using namespace device;
  LocalMemory<kHeldLocalWords> local;
  LaneSweep lane(arguments);
  HeldContext held(arguments, local.words(), lane.pass());
  lane.begin();
  while (lane.running()) {
    lane.sweep_pass(held);
  }
  lane.finish();
}

NOTIFIER_KERNEL_THAT_HOLDS(workload_full_kernel, WorkloadArguments,
                           2 * static_cast<int>(kHeldRegisterWords), kHeldLocalBytes);

hipError_t launch_workload_full(const WorkloadArguments& arguments, const WorkloadGrid& grid,
                                hipStream_t stream) {
  WorkloadArguments copy = arguments;
  void* parameters[] = {&copy};
  return hipLaunchKernel(workload_full_function(), dim3(grid.waves), dim3(grid.lanes_per_wave),
                         parameters, 0, stream);
}

const void* workload_full_function() {
  return reinterpret_cast<const void*>(&workload_full_kernel);
}

}  // namespace notifier
