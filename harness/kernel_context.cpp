// SPDX-License-Identifier: MIT
#include "harness/kernel_context.hpp"

#include <hip/hip_runtime.h>

#include "harness/hip_check.hpp"
#include "kernels/workload_full.hpp"
#include "kernels/workload_job.hpp"

namespace notifier {
namespace {

constexpr std::uint64_t kRegisterBytes = 4;
// What KFD reserves for every wave of gfx10 and later, whatever the kernel uses (kfd_queue.c,
// kfd_queue_ctx_save_restore_size(), 32 waves per compute unit): SGPR_SIZE_PER_CU 0x4000 and
// HWREG_SIZE_PER_CU 0x1000 in 32 parts, CNTL_STACK_BYTES_PER_WAVE. gfx9 has a little less.
constexpr std::uint64_t kScalarRegisterBytes = 0x4000 / 32;
constexpr std::uint64_t kHardwareStateBytes = 0x1000 / 32;
constexpr std::uint64_t kControlStackBytes = 12;
constexpr std::uint64_t kEveryWaveBytes =
    kScalarRegisterBytes + kHardwareStateBytes + kControlStackBytes;

const void* kernel_of(Context context) {
  switch (context) {
    case Context::kFull:
      return workload_full_function();
    case Context::kJob5ms:
      return workload_job_function();
    case Context::kSmall:
      break;
  }
  return workload_function();
}

}  // namespace

std::uint64_t context_bytes(const KernelUse& use, const WorkloadGrid& grid) {
  const std::uint64_t lane_bytes = use.vector_registers * kRegisterBytes;
  return grid.waves * (lane_bytes * grid.lanes_per_wave + use.local_bytes + kEveryWaveBytes);
}

std::uint64_t context_bytes(Context context, const WorkloadGrid& grid) {
  hipFuncAttributes attributes{};
  HIP_CHECK(hipFuncGetAttributes(&attributes, kernel_of(context)));
  return context_bytes({.vector_registers = static_cast<std::uint64_t>(attributes.numRegs),
                        .local_bytes = attributes.sharedSizeBytes},
                       grid);
}

std::uint32_t full_waves_per_compute_unit(std::uint32_t lanes_per_wave) {
  int blocks = 0;
  const hipError_t error = hipOccupancyMaxActiveBlocksPerMultiprocessor(
      &blocks, workload_full_function(), static_cast<int>(lanes_per_wave), /*shared bytes*/ 0);
  return error == hipSuccess ? static_cast<std::uint32_t>(blocks) : 0;
}

}  // namespace notifier
