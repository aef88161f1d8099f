// SPDX-License-Identifier: MIT
#include <hip/hip_runtime.h>

__global__ void empty_kernel() {}

void launch_empty() { empty_kernel<<<1, 1>>>(); }
