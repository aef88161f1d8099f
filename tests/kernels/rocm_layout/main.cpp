// SPDX-License-Identifier: MIT
// Both libraries are asked for something; neither needs a GPU to answer.
#include <hip/hip_runtime_api.h>
#include <hsakmt.h>

#include <cstdio>

void launch_empty();

int main(int argc, char**) {
  if (argc > 1) launch_empty();  // linked, never run here
  HsaVersionInfo version{};
  std::printf("status of the static thunk: %d; error 0 is called %s\n",
              static_cast<int>(hsaKmtGetVersion(&version)), hipGetErrorName(hipSuccess));
  return 0;
}
