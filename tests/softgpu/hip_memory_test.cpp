// SPDX-License-Identifier: MIT
// Registering, allocating and copying memory as the harness does: results, errors, limits.
#include <hip/hip_runtime.h>
#include <sys/mman.h>

#include <cstring>
#include <vector>

#include "process_test.hpp"
#include "test_device.hpp"

namespace softgpu_test {
namespace {

constexpr std::size_t kSize = 16 * kPage;

PROCESS_TEST(HipHostRegister, RefusesWhatIsWrong) {
  char* memory = map_memory(kSize);
  REQUIRE(hipHostRegister(nullptr, kSize, 0) == hipErrorInvalidValue);
  REQUIRE(hipHostRegister(memory, 0, 0) == hipErrorInvalidValue);
  REQUIRE(hipHostRegister(memory, SIZE_MAX, 0) == hipErrorInvalidValue);
  REQUIRE(hipHostRegister(memory, kSize, hipHostRegisterIoMemory) == hipErrorNotSupported);
  REQUIRE(hipHostRegister(memory, kSize, 0x1000) == hipErrorInvalidValue);
  REQUIRE(hipHostUnregister(memory) == hipErrorHostMemoryNotRegistered);

  REQUIRE_HIP(hipHostRegister(memory, kSize, 0));
  REQUIRE(hipHostRegister(memory, kSize, 0) == hipErrorHostMemoryAlreadyRegistered);
  REQUIRE(hipHostRegister(memory + kPage, kPage, 0) == hipErrorHostMemoryAlreadyRegistered);
  REQUIRE(hipHostUnregister(memory + kPage) == hipErrorHostMemoryNotRegistered);
  REQUIRE(hipHostFree(memory) == hipErrorInvalidValue);
  REQUIRE_HIP(hipHostUnregister(memory));
  REQUIRE(hipHostUnregister(memory) == hipErrorHostMemoryNotRegistered);
}

PROCESS_TEST(HipHostRegister, RefusesMemoryThatIsNotThere) {
  // Far below where the kernel looks for room, or softgpu's or a sanitizer's own memory fills the
  // hole.
  auto* const low = reinterpret_cast<char*>(0x10000000);
  char* memory = static_cast<char*>(mmap(low, kSize, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
  REQUIRE(memory == low);
  REQUIRE(munmap(memory + kPage, kPage) == 0);
  REQUIRE(hipHostRegister(memory, kSize, 0) == hipErrorOutOfMemory);
  REQUIRE(mprotect(memory + 2 * kPage, kPage, PROT_READ) == 0);
  REQUIRE(hipHostRegister(memory + 2 * kPage, kPage, 0) == hipErrorOutOfMemory);
  REQUIRE_HIP(hipHostRegister(memory, kPage, 0));  // nothing of the failures is left
}

PROCESS_TEST(HipHostRegister, NeighboursMayShareAPage) {
  char* memory = map_memory(kPage);
  REQUIRE_HIP(hipHostRegister(memory, 100, 0));
  REQUIRE_HIP(hipHostRegister(memory + 100, 100, 0));
  REQUIRE(hipHostRegister(memory + 150, 100, 0) == hipErrorHostMemoryAlreadyRegistered);
  REQUIRE_HIP(hipHostUnregister(memory));
  REQUIRE_HIP(hipHostUnregister(memory + 100));
}

PROCESS_TEST(HipHostRegister, DevicePointerIsNotTheHostPointer) {
  char* memory = map_memory(kSize);
  REQUIRE_HIP(hipHostRegister(memory + 8, 1000, 0));
  void* device_pointer = nullptr;
  REQUIRE_HIP(hipHostGetDevicePointer(&device_pointer, memory + 16, 0));
  REQUIRE(device_pointer != memory + 16);
  REQUIRE(reinterpret_cast<std::uintptr_t>(device_pointer) % kPage == 16);
  REQUIRE(hipHostGetDevicePointer(&device_pointer, memory, 0) == hipErrorInvalidValue);
  REQUIRE(device_pointer == nullptr);
  hipPointerAttribute_t attributes{};
  REQUIRE_HIP(hipPointerGetAttributes(&attributes, memory + 100));
  REQUIRE(attributes.hostPointer == memory + 8);
  REQUIRE(attributes.memoryType == hipMemoryTypeHost);
  int local = 0;
  REQUIRE(hipPointerGetAttributes(&attributes, &local) == hipErrorInvalidValue);
}

PROCESS_TEST(HipMemory, AllocationsAreReleasedByTheirOwnCall) {
  void* vram = nullptr;
  void* managed = nullptr;
  void* host = nullptr;
  REQUIRE_HIP(hipMalloc(&vram, kSize));
  REQUIRE_HIP(hipMallocManaged(&managed, kSize, hipMemAttachGlobal));
  REQUIRE_HIP(hipHostMalloc(&host, kSize, hipHostMallocDefault));
  REQUIRE(hipHostFree(vram) == hipErrorInvalidValue);
  REQUIRE(hipFree(host) == hipErrorInvalidValue);
  REQUIRE(hipFree(static_cast<char*>(vram) + 8) == hipErrorInvalidValue);
  REQUIRE_HIP(hipFree(vram));
  REQUIRE_HIP(hipFree(managed));
  REQUIRE_HIP(hipHostFree(host));
  REQUIRE(hipFree(vram) == hipErrorInvalidValue);
  REQUIRE_HIP(hipFree(nullptr));
  void* nothing = &nothing;
  REQUIRE_HIP(hipMalloc(&nothing, 0));
  REQUIRE(nothing == nullptr);
  REQUIRE(hipHostMalloc(&host, kSize, hipHostMallocWriteCombined) == hipErrorNotSupported);
}

PROCESS_BODY(exhaust_vram) {
  std::vector<void*> pieces(4);
  for (void*& piece : pieces) {
    REQUIRE_HIP(hipMalloc(&piece, 64 << 10));
  }
  void* more = nullptr;
  REQUIRE(hipMalloc(&more, 1) == hipErrorOutOfMemory);
  REQUIRE(hipMalloc(&more, SIZE_MAX) == hipErrorOutOfMemory);
  REQUIRE_HIP(hipFree(pieces[1]));
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  REQUIRE_HIP(hipMemGetInfo(&free_bytes, &total_bytes));
  REQUIRE(total_bytes == 256 << 10);
  REQUIRE(free_bytes == 64 << 10);
  REQUIRE_HIP(hipMalloc(&more, 64 << 10));
}

TEST(HipMemory, VramHasALimit) {
  expect_passed(run_process("exhaust_vram", {{"SOFTGPU_VRAM", "256K"}}));
}

PROCESS_TEST(HipMemory, MoreThanTheMachineHasIsAnError) {
  void* memory = nullptr;
  REQUIRE(hipHostMalloc(&memory, std::size_t{1} << 60, 0) == hipErrorOutOfMemory);
  REQUIRE(hipMallocManaged(&memory, SIZE_MAX - 10, hipMemAttachGlobal) == hipErrorOutOfMemory);
  REQUIRE(memory == nullptr);
}

PROCESS_TEST(HipMemory, CopiesBetweenAllKinds) {
  std::vector<char> source(3 * kPage + 5);
  for (std::size_t index = 0; index < source.size(); ++index) {
    source[index] = static_cast<char>(index * 7);
  }
  char* registered = map_memory(kSize);
  register_memory(registered, kSize);
  void* vram = nullptr;
  void* managed = nullptr;
  REQUIRE_HIP(hipMalloc(&vram, source.size()));
  REQUIRE_HIP(hipMallocManaged(&managed, source.size(), hipMemAttachGlobal));
  std::vector<char> target(source.size());
  REQUIRE_HIP(hipMemcpy(vram, source.data(), source.size(), hipMemcpyHostToDevice));
  REQUIRE_HIP(hipMemcpy(managed, vram, source.size(), hipMemcpyDeviceToDevice));
  REQUIRE_HIP(hipMemcpy(registered + 3, managed, source.size(), hipMemcpyDefault));
  REQUIRE_HIP(
      hipMemcpyAsync(target.data(), registered + 3, source.size(), hipMemcpyDefault, nullptr));
  REQUIRE_HIP(hipDeviceSynchronize());
  REQUIRE(target == source);
  REQUIRE_HIP(hipMemset(static_cast<char*>(vram) + 1, 9, source.size() - 2));
  REQUIRE_HIP(hipMemcpy(target.data(), vram, source.size(), hipMemcpyDeviceToHost));
  REQUIRE(target.front() == source.front() && target.back() == source.back());
  REQUIRE(target[1] == 9 && target[target.size() - 2] == 9);
}

PROCESS_TEST(HipMemory, CopiesStayInsideTheirMemory) {
  std::vector<char> host(2 * kPage);
  void* vram = nullptr;
  REQUIRE_HIP(hipMalloc(&vram, kPage));
  REQUIRE(hipMemcpy(vram, host.data(), kPage + 1, hipMemcpyHostToDevice) == hipErrorInvalidValue);
  REQUIRE(hipMemcpy(host.data(), vram, kPage + 1, hipMemcpyDeviceToHost) == hipErrorInvalidValue);
  REQUIRE(hipMemcpy(host.data(), host.data(), 1, hipMemcpyHostToDevice) == hipErrorInvalidValue);
  REQUIRE(hipMemcpy(nullptr, vram, 1, hipMemcpyDeviceToHost) == hipErrorInvalidValue);
  REQUIRE(hipMemcpy(vram, host.data(), 1, static_cast<hipMemcpyKind>(7)) ==
          hipErrorInvalidMemcpyDirection);
  REQUIRE(hipMemset(host.data(), 0, 1) == hipErrorInvalidValue);
  REQUIRE_HIP(hipMemcpy(vram, host.data(), 0, hipMemcpyHostToDevice));
}

PROCESS_TEST(HipMemory, AdviceIsTakenOnlyWhereItHolds) {
  void* managed = nullptr;
  REQUIRE_HIP(hipMallocManaged(&managed, kSize, hipMemAttachGlobal));
  REQUIRE_HIP(hipMemAdvise(managed, kSize, hipMemAdviseSetPreferredLocation, hipCpuDeviceId));
  REQUIRE_HIP(hipMemAdvise(managed, kSize, hipMemAdviseSetPreferredLocation, 0));
  REQUIRE(hipMemAdvise(managed, kSize, hipMemAdviseSetReadMostly, 0) == hipErrorNotSupported);
  REQUIRE(hipMemAdvise(nullptr, kSize, hipMemAdviseSetAccessedBy, 0) == hipErrorInvalidValue);
}

}  // namespace
}  // namespace softgpu_test
