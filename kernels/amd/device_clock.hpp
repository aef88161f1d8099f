// SPDX-License-Identifier: MIT
// The constant-rate clock of an AMD GPU: the counter behind HIP's wall_clock64(), whose rate is
// hipDeviceAttributeWallClockRate or is calibrated (kfd_facts §6). The builtins are used directly:
// LLVM's IntrinsicsAMDGPU.td gives both side effects, so that neither moves across the volatile
// statement in load_waited(), which a call into the device library does not promise.
#pragma once

#include <hip/hip_runtime.h>

#include <cstdint>

namespace notifier::device {

__device__ inline std::uint64_t clock_ticks() {
#if defined(__HIP_DEVICE_COMPILE__) && (defined(__GFX9__) || defined(__GFX10__))
  return __builtin_amdgcn_s_memrealtime();
#elif defined(__HIP_DEVICE_COMPILE__)
  // gfx11 dropped s_memrealtime (LLVM FeatureSMemRealTime); message 0x83 is MSG_RTN_GET_REALTIME.
  return __builtin_amdgcn_s_sendmsg_rtnl(0x83);
#else
  return 0;  // hipcc parses device functions in its host pass too; nothing there calls them
#endif
}

}  // namespace notifier::device
