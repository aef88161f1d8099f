// SPDX-License-Identifier: MIT
// What hipcc's code calls behind the programmer's back: at start it registers its fat binary and
// the kernels in it, and a launch with <<<>>> pushes and pops its configuration.
//
// The code in the fat binary is for AMD GPUs and stays unused. The kernel of the same mangled name
// is taken from a library of kernels that the host compiler made.
#include "softgpu/dropin/registration.hpp"

#include <vector>

#include "softgpu/dropin/kernel_library.hpp"

namespace {

struct CallConfiguration {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes;
  hipStream_t stream;
};

thread_local std::vector<CallConfiguration> call_configurations;

}  // namespace

// The handle is only ever passed back; clang wants it non-null.
void** __hipRegisterFatBinary(const void*) {
  static void* modules = nullptr;
  return &modules;
}

void __hipRegisterFunction(void**, const void* host_function, char*, const char* device_name,
                           unsigned int, uint3*, uint3*, dim3*, dim3*, int*) {
  softgpu::dropin::bind_kernel(host_function, device_name);
}

void __hipUnregisterFatBinary(void**) {}

hipError_t __hipPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared_bytes,
                                      hipStream_t stream) {
  call_configurations.push_back({grid, block, shared_bytes, stream});
  return hipSuccess;
}

hipError_t __hipPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared_bytes,
                                     hipStream_t* stream) {
  if (call_configurations.empty()) {
    return hipErrorInvalidValue;
  }
  const CallConfiguration& last = call_configurations.back();
  *grid = last.grid;
  *block = last.block;
  *shared_bytes = last.shared_bytes;
  *stream = last.stream;
  call_configurations.pop_back();
  return hipSuccess;
}
