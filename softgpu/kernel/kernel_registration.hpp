// SPDX-License-Identifier: MIT
// Kernels make themselves known before main(); hipLaunchKernel finds them by function address.
#pragma once

#include <cstddef>

namespace softgpu {

/// What a kernel says that a wave of it holds. The software GPU has none of it:
/// hipFuncGetAttributes repeats it.
struct HeldByWave {
  int registers = 0;
  std::size_t local_bytes = 0;
};

/// A node of the list of kernels. Static objects only: the list is never shortened.
struct KernelRegistration {
  KernelRegistration(const char* kernel_name, const void* kernel_function,
                     std::size_t kernel_arguments_size, void (*kernel_run)(const void*),
                     HeldByWave kernel_holds = {});

  const char* name;
  const void* function;
  std::size_t arguments_size;
  void (*run)(const void* arguments);  // calls the kernel with the structure behind `arguments`
  HeldByWave holds;
  const KernelRegistration* next;
};

/// Null when no kernel has this address.
const KernelRegistration* find_kernel(const void* function);

}  // namespace softgpu
