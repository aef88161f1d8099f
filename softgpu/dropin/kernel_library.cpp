// SPDX-License-Identifier: MIT
#include "softgpu/dropin/kernel_library.hpp"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "softgpu/kernel/kernel_registration.hpp"

namespace softgpu::dropin {
namespace {

std::string library_path() {
  if (const char* path = std::getenv("SOFTGPU_KERNELS"); path != nullptr) {
    return path;
  }
  Dl_info self{};
  dladdr(reinterpret_cast<const void*>(&bind_kernel), &self);
  const std::string file = self.dli_fname;
  return file.substr(0, file.rfind('/') + 1) + "libnotifier_kernels_softgpu.so";
}

void* load_library() {
  const std::string path = library_path();
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "softgpu: no kernels: %s\n", dlerror());
  }
  return library;
}

}  // namespace

void bind_kernel(const void* host_function, const char* device_name) {
  static void* const library = load_library();
  if (library == nullptr) {
    return;
  }
  const void* function = dlsym(library, device_name);
  const KernelRegistration* kernel = function == nullptr ? nullptr : find_kernel(function);
  if (kernel != nullptr) {
    // Registrations live for ever; this one says the same of the executable's launch stub.
    new KernelRegistration(kernel->name, host_function, kernel->arguments_size, kernel->run,
                           kernel->holds);
  }
}

}  // namespace softgpu::dropin
