// SPDX-License-Identifier: MIT
// On a GPU many HIP calls wait for a running kernel, and wait for ever when it has no end
// (kfd_facts §0.32). A program that names the calls it makes meanwhile is held to them here.
#pragma once

namespace softgpu {

/// Ends the process with a message if SOFTGPU_ALLOWED_CALLS is set (names, separated by commas), a
/// kernel or copy is waiting or running in some queue, and `name` is not among the names.
void check_allowed_call(const char* name);

}  // namespace softgpu
