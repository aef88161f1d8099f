// SPDX-License-Identifier: MIT
#include "model_region.hpp"

#include <hsakmt.h>
#include <sys/mman.h>

#include <algorithm>

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

void set(char* begin, std::size_t bytes, HSA_SVM_ATTR_TYPE type, HSAuint32 value) {
  HSA_SVM_ATTRIBUTE attribute{type, value};
  REQUIRE(hsaKmtSVMSetAttr(begin, bytes, 1, &attribute) == HSAKMT_STATUS_SUCCESS);
}

}  // namespace

std::uint64_t open_to_device(char* memory, std::size_t bytes) {
  HSAuint64 device = 0;
  REQUIRE(hsaKmtRegisterMemory(memory, bytes) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(hsaKmtMapMemoryToGPU(memory, bytes, &device) == HSAKMT_STATUS_SUCCESS);
  return device;
}

void close_to_device(char* memory) {
  REQUIRE(hsaKmtDeregisterMemory(memory) == HSAKMT_STATUS_SUCCESS);
}

void Region::make(Kind wanted) {
  kind = wanted;
  expected.assign(kWords, 0);
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
    device = open_to_device(host, kBytes);
  } else if (kind == Kind::kAttributes) {
    set(host, kBytes, HSA_SVM_ATTR_ACCESS, kGpuNode);
  }
}

void Region::register_anew(bool fresh_memory) {
  close_to_device(host);
  if (fresh_memory) {
    REQUIRE(munmap(host, kBytes) == 0);
    host = map_anonymous();
    expected.assign(kWords, 0);
  }
  device = open_to_device(host, kBytes);
}

void Region::expect_zeros(const Part& pages) {
  const Part words = pages.words_of_pages();
  std::fill(expected.begin() + static_cast<std::ptrdiff_t>(words.first),
            expected.begin() + static_cast<std::ptrdiff_t>(words.end), 0);
}

void Region::set_some_attribute(std::mt19937_64& random, const Part& pages) {
  char* begin = page(pages.first);
  const std::size_t bytes = pages.size() * kPage;
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
