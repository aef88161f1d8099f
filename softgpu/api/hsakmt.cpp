// SPDX-License-Identifier: MIT
// The thunk's functions that the harness uses. Node 0 is the CPU, the others are the software GPU's
// devices.
#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>

#include "softgpu/api/hsakmt_call.hpp"
#include "softgpu/core/clock.hpp"

using namespace softgpu;  // the entry points below are in no namespace
using namespace softgpu::api;

namespace {

// AMDKFD_IOC_GET_VERSION of Linux 6.1, which has the queue events (kfd_facts §5).
constexpr HSAuint32 kInterfaceMajor = 1;
constexpr HSAuint32 kInterfaceMinor = 11;

void name_node(HsaNodeProperties& node, std::string_view name) {
  std::copy(name.begin(), name.end(), reinterpret_cast<char*>(node.AMDName));
  std::copy(name.begin(), name.end(), std::begin(node.MarketingName));
}

void describe_gpu(HsaNodeProperties& node, HSAuint32 ordinal) {
  name_node(node, device().name());
  node.NumFComputeCores = device().settings().waves;
  node.Capability.ui32.SVMAPISupported = 1;
  node.NumSIMDPerCU = 1;
  node.WaveFrontSize = 1;
  node.MaxWavesPerSIMD = 1;
  node.NumMemoryBanks = 1;
  node.LocationId = ordinal << 8;  // PCI bus, as HIP's pciBusID
  node.LocalMemSize = device().memory().vram_bytes();
  node.MaxEngineClockMhzFCompute = static_cast<HSAuint32>(kDeviceClockHz / 1'000'000);
}

}  // namespace

extern "C" {

HSAKMT_STATUS HSAKMTAPI hsaKmtOpenKFD() {
  return thunk_call([] { return HSAKMT_STATUS_SUCCESS; });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtCloseKFD() {
  return thunk_call([] { return HSAKMT_STATUS_SUCCESS; });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtGetVersion(HsaVersionInfo* VersionInfo) {
  return thunk_call([=] {
    if (VersionInfo == nullptr) {
      return HSAKMT_STATUS_INVALID_PARAMETER;
    }
    VersionInfo->KernelInterfaceMajorVersion = kInterfaceMajor;
    VersionInfo->KernelInterfaceMinorVersion = kInterfaceMinor;
    return HSAKMT_STATUS_SUCCESS;
  });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtAcquireSystemProperties(HsaSystemProperties* SystemProperties) {
  return thunk_call([=] {
    if (SystemProperties == nullptr) {
      return HSAKMT_STATUS_INVALID_PARAMETER;
    }
    *SystemProperties = {};
    SystemProperties->NumNodes = nodes();
    return HSAKMT_STATUS_SUCCESS;
  });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtReleaseSystemProperties() {
  return thunk_call([] { return HSAKMT_STATUS_SUCCESS; });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtGetNodeProperties(HSAuint32 NodeId,
                                                HsaNodeProperties* NodeProperties) {
  return thunk_call([=] {
    if (NodeProperties == nullptr) {
      return HSAKMT_STATUS_INVALID_PARAMETER;
    }
    if (NodeId >= nodes()) {
      return HSAKMT_STATUS_INVALID_NODE_UNIT;
    }
    *NodeProperties = {};
    if (NodeId == kCpuNode) {
      name_node(*NodeProperties, "CPU");
      NodeProperties->NumCPUCores = 1;
    } else {
      describe_gpu(*NodeProperties, NodeId - 1);
    }
    return HSAKMT_STATUS_SUCCESS;
  });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtGetClockCounters(HSAuint32 NodeId, HsaClockCounters* Counters) {
  return thunk_call([=] {
    if (Counters == nullptr) {
      return HSAKMT_STATUS_INVALID_PARAMETER;
    }
    if (!is_gpu(NodeId)) {
      return HSAKMT_STATUS_INVALID_NODE_UNIT;
    }
    // One after the other, as kfd_ioctl_get_clock_counters does (kfd_facts §6).
    Counters->GPUClockCounter = device().clock_ticks();
    Counters->CPUClockCounter = read_clock_ns(CLOCK_MONOTONIC_RAW);
    Counters->SystemClockCounter = read_clock_ns(CLOCK_BOOTTIME);
    Counters->SystemClockFrequencyHz = 1'000'000'000;
    return HSAKMT_STATUS_SUCCESS;
  });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtGetXNACKMode(HSAint32* enable) {
  return thunk_call([=] {
    if (enable == nullptr) {
      return HSAKMT_STATUS_INVALID_PARAMETER;
    }
    *enable = device().retry_faults() ? 1 : 0;
    return HSAKMT_STATUS_SUCCESS;
  });
}

HSAKMT_STATUS HSAKMTAPI hsaKmtSetXNACKMode(HSAint32 enable) {
  // kfd_chardev.c kfd_ioctl_set_xnack_mode: a negative value only asks, -EBUSY with queues.
  return thunk_call([=] {
    return enable < 0 || device().set_retry_faults(enable != 0) ? HSAKMT_STATUS_SUCCESS
                                                                : HSAKMT_STATUS_ERROR;
  });
}

// Since ROCm 5.3.0 (kfd_facts §0.23); Debian 12's header has no declaration.
HSAKMT_STATUS HSAKMTAPI hsaKmtOpenSMI(HSAuint32 NodeId, int* fd);

HSAKMT_STATUS HSAKMTAPI hsaKmtOpenSMI(HSAuint32 NodeId, int* fd) {
  return thunk_call([=] {
    if (fd == nullptr) {
      return HSAKMT_STATUS_INVALID_PARAMETER;
    }
    if (!is_gpu(NodeId)) {
      return HSAKMT_STATUS_INVALID_NODE_UNIT;
    }
    const int descriptor = device().events().open(NodeId - kFirstGpuNode);
    if (descriptor < 0) {
      return HSAKMT_STATUS_ERROR;
    }
    *fd = descriptor;
    return HSAKMT_STATUS_SUCCESS;
  });
}

}  // extern "C"
