// SPDX-License-Identifier: MIT
// What hipcc's code calls and no header of HIP declares, as clang's lib/CodeGen/CGCUDANV.cpp emits
// it.
#pragma once

#include <hip/hip_runtime.h>

#include <cstddef>

extern "C" {

void** __hipRegisterFatBinary(const void* data);
void __hipRegisterFunction(void** modules, const void* host_function, char* device_function,
                           const char* device_name, unsigned int thread_limit, uint3* thread_index,
                           uint3* block_index, dim3* block_size, dim3* grid_size, int* warp_size);
void __hipUnregisterFatBinary(void** modules);
hipError_t __hipPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared_bytes,
                                      hipStream_t stream);
hipError_t __hipPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared_bytes,
                                     hipStream_t* stream);

}  // extern "C"
