// SPDX-License-Identifier: MIT
// Kernels make themselves known before main(); hipLaunchKernel finds them by function address.
#pragma once

#include <cstddef>

namespace softgpu {

/// A node of the list of kernels. Static objects only: the list is never shortened.
struct KernelRegistration {
  KernelRegistration(const char* kernel_name, const void* kernel_function,
                     std::size_t kernel_arguments_size, void (*kernel_run)(const void*));

  const char* name;
  const void* function;
  std::size_t arguments_size;
  void (*run)(const void* arguments);  // calls the kernel with the structure behind `arguments`
  const KernelRegistration* next;
};

/// Null when no kernel has this address.
const KernelRegistration* find_kernel(const void* function);

}  // namespace softgpu
