// SPDX-License-Identifier: MIT
// The kernels that the drop-in libraries can run.
#pragma once

namespace softgpu::dropin {

/// Makes launches of `host_function` run the kernel that has the mangled name `device_name` in the
/// library of kernels. A kernel that is not there stays unknown: launching it is hipErrorNotFound.
///
/// The library is the file named in SOFTGPU_KERNELS or else libnotifier_kernels_softgpu.so beside
/// the drop-in. If it cannot be loaded, that is said once on standard error.
void bind_kernel(const void* host_function, const char* device_name);

}  // namespace softgpu::dropin
