// SPDX-License-Identifier: MIT
#include <cstring>
#include <utility>

#include "softgpu/api/hip_call.hpp"
#include "softgpu/core/report.hpp"
#include "softgpu/kernel/kernel_registration.hpp"

using namespace softgpu;  // the entry points below are in no namespace

namespace softgpu::api {
namespace {

hipError_t check_configuration(const dim3& grid, const dim3& block, std::size_t shared_bytes) {
  if (grid.x == 0 || grid.y != 1 || grid.z != 1 || block.x != 1 || block.y != 1 || block.z != 1) {
    return hipErrorInvalidConfiguration;  // one wave is one lane
  }
  if (shared_bytes != 0) {
    return hipErrorNotSupported;
  }
  // Waves of a persistent kernel wait for each other, so all must be resident together.
  return grid.x > device().settings().waves ? hipErrorLaunchOutOfResources : hipSuccess;
}

hipError_t launch(const KernelRegistration& kernel, std::uint32_t waves, const void* arguments,
                  hipStream_t stream) {
  const std::shared_ptr<Queue> queue = queue_of(stream);
  if (queue == nullptr) {
    return hipErrorInvalidHandle;
  }
  Operation operation;
  operation.name = std::string("kernel ") + kernel.name;
  operation.run = kernel.run;
  operation.arguments.resize(kernel.arguments_size);
  std::memcpy(operation.arguments.data(), arguments, kernel.arguments_size);
  operation.waves = waves;
  operation.audited = true;
  if (Engine* engine = device().engine()) {
    if (const std::string problem = engine->load(operation, kernel.name); !problem.empty()) {
      report("%s", problem.c_str());
      return hipErrorNoBinaryForGpu;
    }
  }
  device().queues().submit(queue, std::move(operation), stream_order(stream, *queue));
  return hipSuccess;
}

}  // namespace
}  // namespace softgpu::api

extern "C" hipError_t hipFuncGetAttributes(hipFuncAttributes* attributes, const void* function) {
  return api::call([=] {
    if (attributes == nullptr) {
      return hipErrorInvalidValue;
    }
    const KernelRegistration* kernel = find_kernel(function);
    if (kernel == nullptr) {
      return hipErrorInvalidDeviceFunction;
    }
    *attributes = {};
    attributes->numRegs = kernel->holds.registers;
    attributes->sharedSizeBytes = kernel->holds.local_bytes;
    attributes->maxThreadsPerBlock = 1;
    return hipSuccess;
  });
}

// A compute unit is a thread, which runs one wave at a time.
extern "C" hipError_t hipOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks,
                                                                   const void* function,
                                                                   int block_size,
                                                                   std::size_t shared_bytes) {
  return api::call([=] {
    if (blocks == nullptr || block_size != 1) {
      return hipErrorInvalidValue;
    }
    if (find_kernel(function) == nullptr) {
      return hipErrorInvalidDeviceFunction;
    }
    *blocks = 1;
    return shared_bytes == 0 ? hipSuccess : hipErrorNotSupported;
  });
}

extern "C" hipError_t hipLaunchKernel(const void* function_address, dim3 numBlocks, dim3 dimBlocks,
                                      void** args, std::size_t sharedMemBytes, hipStream_t stream) {
  return api::call([=] {
    const KernelRegistration* kernel = find_kernel(function_address);
    if (kernel == nullptr) {
      return hipErrorNotFound;
    }
    const hipError_t configuration = api::check_configuration(numBlocks, dimBlocks, sharedMemBytes);
    if (configuration != hipSuccess) {
      return configuration;
    }
    if (args == nullptr || args[0] == nullptr) {
      return hipErrorInvalidValue;
    }
    return api::launch(*kernel, numBlocks.x, args[0], stream);
  });
}
