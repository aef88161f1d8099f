// SPDX-License-Identifier: MIT
#include "softgpu/kernel/kernel_registration.hpp"

namespace softgpu {
namespace {

// Constant-initialised, so that it is there before any registration's constructor runs.
constinit const KernelRegistration* first_registration = nullptr;

}  // namespace

KernelRegistration::KernelRegistration(const char* kernel_name, const void* kernel_function,
                                       std::size_t kernel_arguments_size,
                                       void (*kernel_run)(const void*), HeldByWave kernel_holds)
    : name(kernel_name),
      function(kernel_function),
      arguments_size(kernel_arguments_size),
      run(kernel_run),
      holds(kernel_holds),
      next(first_registration) {
  first_registration = this;
}

const KernelRegistration* find_kernel(const void* function) {
  for (const KernelRegistration* node = first_registration; node != nullptr; node = node->next) {
    if (node->function == function) {
      return node;
    }
  }
  return nullptr;
}

}  // namespace softgpu
