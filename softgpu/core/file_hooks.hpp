// SPDX-License-Identifier: MIT
// Calls that name a file and take pages away wherever it is mapped.
#pragma once

#include "softgpu/core/hooks.hpp"

namespace softgpu {

void plan_fallocate(const SyscallArguments& arguments, HookPlan& plan);
void plan_ftruncate(const SyscallArguments& arguments, HookPlan& plan);
void plan_truncate(const SyscallArguments& arguments, HookPlan& plan);

}  // namespace softgpu
