// SPDX-License-Identifier: MIT
#include "harness/device.hpp"

#include <fmt/format.h>
#include <hsakmt.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "harness/cannot_perform.hpp"
#include "harness/hip_check.hpp"
#include "harness/kernel_context.hpp"
#include "harness/kfd_topology.hpp"

namespace notifier {
namespace {

// The software GPU says in its architecture's name what runs its kernels; everything else is
// ROCm's.
std::string platform_of(std::string_view architecture) {
  if (architecture.starts_with("softgpu-kvm")) return "kvm";
  return architecture.starts_with("softgpu") ? "software" : "rocm";
}

// All HIP calls that are made between the workload's launch and its end: any other may wait for the
// kernel, and the kernel for us (kfd_facts §0.32). The software GPU holds every run to this list; a
// ROCm runtime does not read it.
constexpr const char* kCallsWhileAKernelRuns =
    "hipLaunchKernel,hipStreamQuery,hipStreamSynchronize,"
    // The calling thread's own, no device is asked.
    "hipGetDevice,hipSetDevice,"
    // Of memory that migrates, on a stream of its own: the driver moves it, no kernel of the
    // runtime's does (clr SvmPrefetchAsyncCommand).
    "hipStreamCreateWithFlags,hipMemAdvise,hipMemPrefetchAsync";

/// What keeps HIP from a GPU, by what the driver left in /dev. amdgpu makes /dev/kfd when it is
/// loaded, whether it finds a GPU or not (amdgpu_drv.c amdgpu_init(), amdgpu_amdkfd.c
/// amdgpu_amdkfd_init()).
std::string why_no_gpu() {
  if (access("/dev/kfd", F_OK) != 0) {
    return "There is no /dev/kfd: the amdgpu driver is not loaded, or a container was not given it "
           "(--device=/dev/kfd --device=/dev/dri).";
  }
  if (access("/dev/kfd", R_OK | W_OK) != 0) {
    return "This user may not open /dev/kfd: the groups render and video may.";
  }
  return "/dev/kfd is there and the amdgpu driver with it, but it has no GPU that ROCm supports "
         "(rocminfo and the kernel's log say what it found).";
}

int count_devices() {
  int devices = 0;
  const hipError_t code = hipGetDeviceCount(&devices);
  if (code != hipSuccess) (void)hipGetLastError();
  if (code == hipSuccess && devices > 0) return devices;
  throw CannotPerform(fmt::format("HIP finds no GPU ({}). {}",
                                  code == hipSuccess ? "no device" : hipGetErrorName(code),
                                  why_no_gpu()));
}

void open_thunk() {
  const HSAKMT_STATUS status = hsaKmtOpenKFD();
  if (status == HSAKMT_STATUS_SUCCESS || status == HSAKMT_STATUS_KERNEL_ALREADY_OPENED) return;
  throw std::runtime_error(
      fmt::format("hsaKmtOpenKFD failed with status {}: is /dev/kfd there and "
                  "may this user open it?",
                  static_cast<int>(status)));
}

/// The thunk's node of the HIP device; the first GPU node when none says so.
std::uint32_t find_node(const PciAddress& address) {
  HsaSystemProperties system{};
  if (hsaKmtAcquireSystemProperties(&system) != HSAKMT_STATUS_SUCCESS) {
    // With a static libhsakmt the runtime has a copy of its own, and KFD lets both use the GPU only
    // through one DRM file (kfd_ioctl_acquire_vm), which they share by libdrm_amdgpu.
    throw std::runtime_error(
        "hsaKmtAcquireSystemProperties failed. Where libhsakmt is static, this program and ROCm's "
        "runtime must use one libdrm_amdgpu that has amdgpu_device_get_fd: see ldd.");
  }
  std::uint32_t first_gpu = system.NumNodes;
  for (HSAuint32 node = 0; node < system.NumNodes; ++node) {
    // Only fields whose place is the same in all versions of the structure are read; room behind
    // it, since newer libraries write a longer one.
    union {
      HsaNodeProperties properties;
      char room[2 * sizeof(HsaNodeProperties) + 1024];
    } buffer{};
    if (hsaKmtGetNodeProperties(node, &buffer.properties) != HSAKMT_STATUS_SUCCESS) continue;
    if (buffer.properties.NumFComputeCores == 0) continue;
    if (first_gpu == system.NumNodes) first_gpu = node;
    if (buffer.properties.Domain == address.domain &&
        (buffer.properties.LocationId >> 8 & 0xFF) == address.bus) {
      return node;
    }
  }
  if (first_gpu == system.NumNodes) throw std::runtime_error("hsakmt's topology has no GPU node");
  return first_gpu;
}

}  // namespace

std::string calls_beside_finite_work() {
  return std::string(kCallsWhileAKernelRuns) +
         ",hipMalloc,hipFree,hipHostMalloc,hipHostFree,hipHostRegister,hipHostUnregister,"
         "hipMemcpy,hipMemcpyAsync,hipStreamDestroy";
}

std::string recovery_obstacle(Recovery wanted) {
  HSAint32 retries = 0;
  if (hsaKmtGetXNACKMode(&retries) != HSAKMT_STATUS_SUCCESS) return "";
  if (wanted == Recovery::kPreempt && retries != 0) {
    return "not offered: the device serves retry faults whatever HSA_XNACK asks for";
  }
  if (wanted == Recovery::kRetryFault && retries == 0) {
    return "not offered: the device serves no retry faults in this process, though HSA_XNACK=1 "
           "asks for them";
  }
  return "";
}

DeviceInfo open_device(int ordinal) {
  setenv(kAllowedCallsVariable, kCallsWhileAKernelRuns, /*overwrite=*/0);
  count_devices();
  HIP_CHECK(hipSetDevice(ordinal));
  hipDeviceProp_t properties{};
  HIP_CHECK(hipGetDeviceProperties(&properties, ordinal));
  open_thunk();
  DeviceInfo device;
  device.name = properties.name;
  device.architecture = properties.gcnArchName;
  device.platform = platform_of(device.architecture);
  device.uuid = fmt::format("pci-{:04x}:{:02x}:{:02x}", properties.pciDomainID, properties.pciBusID,
                            properties.pciDeviceID);
  device.compute_units = static_cast<std::uint32_t>(properties.multiProcessorCount);
  device.lanes_per_wave = static_cast<std::uint32_t>(properties.warpSize);
  device.waves_of_full_context =
      device.compute_units * full_waves_per_compute_unit(device.lanes_per_wave);
  const PciAddress address{.domain = static_cast<std::uint32_t>(properties.pciDomainID),
                           .bus = static_cast<std::uint32_t>(properties.pciBusID),
                           .device = static_cast<std::uint32_t>(properties.pciDeviceID)};
  device.node_id = find_node(address);
  // Of the software GPU's nodes the files of the kernel know nothing.
  const auto gpu = device.platform == "rocm" ? find_kfd_gpu(SystemView(), address) : std::nullopt;
  if (gpu) {
    device.gpu_id = gpu->gpu_id;
    device.numa_node = gpu->numa_node;
    // A card keeps its number when it is put into another slot or machine.
    if (!gpu->unique_id.empty()) device.uuid = gpu->unique_id;
  }
  HIP_CHECK(hipRuntimeGetVersion(&device.hip_runtime_version));
  HIP_CHECK(hipDriverGetVersion(&device.hip_driver_version));
  return device;
}

}  // namespace notifier
