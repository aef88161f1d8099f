// SPDX-License-Identifier: MIT
#include "model_region.hpp"

#include <hsakmt.h>
#include <sys/mman.h>

#include "process_test.hpp"

namespace softgpu_test {
namespace {

constexpr HSAuint32 kCpuNode = 0;
constexpr HSAuint32 kGpuNode = 1;
constexpr HSAuint32 kAlwaysMapped = 0x40;  // KFD_IOCTL_SVM_FLAG_GPU_ALWAYS_MAPPED

char* map_anonymous() {
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return static_cast<char*>(memory);
}

std::uint64_t open_to_device(char* memory) {
  HSAuint64 device = 0;
  REQUIRE(hsaKmtRegisterMemory(memory, kBytes) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(hsaKmtMapMemoryToGPU(memory, kBytes, &device) == HSAKMT_STATUS_SUCCESS);
  return device;
}

void set(char* begin, std::size_t bytes, HSA_SVM_ATTR_TYPE type, HSAuint32 value) {
  HSA_SVM_ATTRIBUTE attribute{type, value};
  REQUIRE(hsaKmtSVMSetAttr(begin, bytes, 1, &attribute) == HSAKMT_STATUS_SUCCESS);
}

}  // namespace

void Region::make(Kind wanted) {
  kind = wanted;
  expected.fill(0);
  replaced = false;
  if (kind == Kind::kManaged) {
    void* memory = nullptr;
    REQUIRE_HIP(hipMallocManaged(&memory, kBytes, hipMemAttachGlobal));
    host = static_cast<char*>(memory);
  } else {
    host = map_anonymous();
  }
  device = reinterpret_cast<std::uint64_t>(host);
  if (kind == Kind::kUserptr) {
    device = open_to_device(host);
  } else if (kind == Kind::kAttributes) {
    set(host, kBytes, HSA_SVM_ATTR_ACCESS, kGpuNode);
  }
}

void Region::register_anew(bool fresh_memory) {
  REQUIRE(hsaKmtDeregisterMemory(host) == HSAKMT_STATUS_SUCCESS);
  if (fresh_memory) {
    REQUIRE(munmap(host, kBytes) == 0);
    host = map_anonymous();
    expected.fill(0);
  }
  device = open_to_device(host);
}

void Region::set_some_attribute(std::mt19937_64& random, std::size_t first, std::size_t end) {
  char* begin = host + first * kPage;
  const std::size_t bytes = (end - first) * kPage;
  const HSAuint32 node = random() % 2 == 0 ? kCpuNode : kGpuNode;
  switch (random() % 5) {
    case 0:
      return set(begin, bytes, HSA_SVM_ATTR_PREFERRED_LOC,
                 random() % 3 == 0 ? INVALID_NODEID : node);
    case 1:
      return set(begin, bytes, HSA_SVM_ATTR_PREFETCH_LOC, node);
    case 2:
      return set(begin, bytes, HSA_SVM_ATTR_GRANULARITY, static_cast<HSAuint32>(random() % 10));
    case 3:
      return set(host, kBytes,
                 random() % 2 == 0 ? HSA_SVM_ATTR_ACCESS : HSA_SVM_ATTR_ACCESS_IN_PLACE, kGpuNode);
    default:
      return set(host, kBytes, random() % 2 == 0 ? HSA_SVM_ATTR_SET_FLAGS : HSA_SVM_ATTR_CLR_FLAGS,
                 kAlwaysMapped);
  }
}

}  // namespace softgpu_test
