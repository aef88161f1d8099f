// SPDX-License-Identifier: MIT
// Stands for ROCR-Runtime's static libhsakmt, which no Debian 12 package has: it answers a status
// that no real one has and needs the libraries that the real one needs.
#include <numa.h>
#include <xf86drm.h>

#include <amdgpu.h>
#include <hsakmt.h>

HSAKMT_STATUS HSAKMTAPI hsaKmtGetVersion(HsaVersionInfo* version) {
  version->KernelInterfaceMajorVersion = numa_available() == 0;
  version->KernelInterfaceMinorVersion = drmAvailable() != 0;
  return (HSAKMT_STATUS)(amdgpu_device_initialize == 0 ? 0 : 4711);
}
