// SPDX-License-Identifier: MIT
// Memory as the thunk registers, maps, unmaps and deregisters it, without HIP.
#include <hsakmt.h>
#include <sys/mman.h>

#include <array>

#include "tests/softgpu/process_test.hpp"
#include "tests/softgpu/test_device.hpp"

namespace softgpu_test {
namespace {

constexpr HSAuint32 kGpuNode = 1;
constexpr std::size_t kBytes = 16 * kPage;

void* fresh_memory() {
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return memory;
}

HSAKMT_STATUS register_memory(void* memory) {
  HsaMemFlags flags{};
  flags.ui32.HostAccess = 1;
  return hsaKmtRegisterMemoryWithFlags(memory, kBytes, flags);
}

HSAuint64 map_memory(void* memory) {
  HSAuint64 device_address = 0;
  std::array<HSAuint32, 1> nodes{kGpuNode};
  REQUIRE(hsaKmtMapMemoryToGPUNodes(memory, kBytes, &device_address, HsaMemMapFlags{}, 1,
                                    nodes.data()) == HSAKMT_STATUS_SUCCESS);
  return device_address;
}

HSAKMT_STATUS set_attribute(void* memory, HSAuint32 type, HSAuint32 value,
                            HSAuint64 bytes = kBytes) {
  HSA_SVM_ATTRIBUTE attribute{type, value};
  return hsaKmtSVMSetAttr(memory, bytes, 1, &attribute);
}

PROCESS_TEST(ThunkMemory, UserptrEvictsWhileItIsMapped) {
  DriverLog log;
  void* memory = fresh_memory();
  REQUIRE(register_memory(memory) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(register_memory(memory) == HSAKMT_STATUS_MEMORY_ALREADY_REGISTERED);
  REQUIRE(madvise(memory, kBytes, MADV_DONTNEED) == 0);
  REQUIRE(log.count("9") == 0);  // nothing of it is on the device yet
  const HSAuint64 device_address = map_memory(memory);
  REQUIRE(device_address != 0 && device_address != reinterpret_cast<HSAuint64>(memory));
  REQUIRE(madvise(memory, kBytes, MADV_DONTNEED) == 0);
  REQUIRE(log.count("9", " 1") == 1);
  log.wait_for("a", 1);
  REQUIRE(hsaKmtUnmapMemoryToGPU(memory) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(madvise(memory, kBytes, MADV_DONTNEED) == 0);
  REQUIRE(log.count("9") == 1);
  REQUIRE(map_memory(memory) == device_address);
  REQUIRE(hsaKmtUnmapMemoryToGPU(memory) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(hsaKmtDeregisterMemory(memory) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(hsaKmtDeregisterMemory(memory) == HSAKMT_STATUS_MEMORY_NOT_REGISTERED);
  REQUIRE(hsaKmtMapMemoryToGPU(memory, kBytes, nullptr) == HSAKMT_STATUS_MEMORY_NOT_REGISTERED);
}

PROCESS_TEST(ThunkMemory, SvmRangeEndsWithItsMapping) {
  DriverLog log;
  void* memory = fresh_memory();
  REQUIRE(set_attribute(memory, HSA_SVM_ATTR_PREFERRED_LOC, 0) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(madvise(memory, kBytes, MADV_DONTNEED) == 0);
  REQUIRE(log.count("9") == 0);
  REQUIRE(set_attribute(memory, HSA_SVM_ATTR_ACCESS_IN_PLACE, kGpuNode) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(madvise(memory, kBytes, MADV_DONTNEED) == 0);
  REQUIRE(log.count("9", " 0") == 1);
  log.wait_for("a", 1);
  REQUIRE(set_attribute(memory, HSA_SVM_ATTR_NO_ACCESS, kGpuNode) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(madvise(memory, kBytes, MADV_DONTNEED) == 0);
  REQUIRE(log.count("9") == 1);
  // A new range at the same address, often: the old ones are given back.
  for (int i = 0; i < 300; ++i) {
    REQUIRE(munmap(memory, kBytes) == 0);
    REQUIRE(mmap(memory, kBytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == memory);
    REQUIRE(set_attribute(memory, HSA_SVM_ATTR_ACCESS, kGpuNode) == HSAKMT_STATUS_SUCCESS);
  }
  REQUIRE(log.count("9") == 1);  // unmapping SVM evicts nothing
}

PROCESS_TEST(ThunkMemory, RefusesWhatItCannotDo) {
  REQUIRE(hsaKmtOpenKFD() == HSAKMT_STATUS_SUCCESS);
  char* memory = static_cast<char*>(fresh_memory());
  REQUIRE(hsaKmtRegisterMemoryWithFlags(memory, kBytes, HsaMemFlags{}) ==
          HSAKMT_STATUS_NOT_SUPPORTED);
  REQUIRE(hsaKmtRegisterMemory(nullptr, kBytes) == HSAKMT_STATUS_INVALID_PARAMETER);
  REQUIRE(hsaKmtRegisterMemory(memory, 0) == HSAKMT_STATUS_INVALID_PARAMETER);
  REQUIRE(set_attribute(memory + 8, HSA_SVM_ATTR_ACCESS, kGpuNode) ==
          HSAKMT_STATUS_INVALID_PARAMETER);
  REQUIRE(set_attribute(memory, HSA_SVM_ATTR_ACCESS, 0) == HSAKMT_STATUS_INVALID_NODE_UNIT);
  REQUIRE(set_attribute(memory, HSA_SVM_ATTR_SET_FLAGS, HSA_SVM_FLAG_GPU_RO) ==
          HSAKMT_STATUS_NOT_SUPPORTED);
  REQUIRE(set_attribute(memory, HSA_SVM_ATTR_ACCESS, kGpuNode) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(set_attribute(memory, HSA_SVM_ATTR_ACCESS, kGpuNode, kPage) ==
          HSAKMT_STATUS_NOT_SUPPORTED);
  REQUIRE(munmap(memory, kBytes) == 0);
  REQUIRE(register_memory(memory) == HSAKMT_STATUS_ERROR);  // nothing there: EFAULT in KFD
}

}  // namespace
}  // namespace softgpu_test
