// SPDX-License-Identifier: MIT
// Accesses that end the process: as on KFD, with a message that names address and device.
#include <hsa/hsa_ext_amd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "process_test.hpp"
#include "test_device.hpp"

namespace softgpu_test {
namespace {

constexpr std::size_t kSize = 8 * kPage;
constexpr std::size_t kWords = kSize / 8;

void expect_fault(const char* body, const std::string& reason) {
  const ProcessResult result = run_process(body);
  EXPECT_EQ(result.signal, SIGABRT) << result.output;
  const std::size_t address = result.output.find("fault at ");
  ASSERT_NE(address, std::string::npos) << result.output;
  const std::string expected =
      "memory access fault by device 0 on address " +
      result.output.substr(address + 9, result.output.find('\n', address) - address - 9);
  EXPECT_NE(result.output.find(expected), std::string::npos) << result.output;
  EXPECT_NE(result.output.find(reason), std::string::npos) << result.output;
}

/// Unmaps a page and keeps everybody else from moving in.
void unmap_for_good(char* page) {
  REQUIRE(munmap(page, kPage) == 0);
  REQUIRE(mmap(page, kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
          page);
}

/// Runs into the fault at this device address; prints it first, since the process ends there.
void touch(const void* device_address, std::size_t words = 1) {
  std::printf("fault at %p\n", device_address);
  std::fflush(stdout);
  RunningKernel kernel(static_cast<std::uint64_t*>(const_cast<void*>(device_address)), words);
}

PROCESS_BODY(touch_unregistered) { touch(map_memory(kSize)); }
TEST(DeviceFault, UnregisteredMemory) { expect_fault("touch_unregistered", "page not present"); }

PROCESS_BODY(touch_host_pointer) {
  char* memory = map_memory(kSize);
  register_memory(memory, kSize);
  touch(memory);
}
TEST(DeviceFault, HostPointerInsteadOfDevicePointer) {
  expect_fault("touch_host_pointer", "page not present");
}

PROCESS_BODY(touch_unmapped_userptr) {
  DriverLog log;
  char* memory = map_memory(kSize);
  std::uint64_t* device_words = register_memory(memory, kSize);
  unmap_for_good(memory + kPage);
  log.wait_for("a", 1, " 50f7");
  touch(device_words);  // a page that is there: the BO as a whole is page-less
}
TEST(DeviceFault, UserptrWithAHole) { expect_fault("touch_unmapped_userptr", "page not present"); }

char* managed_memory() {
  void* memory = nullptr;
  REQUIRE_HIP(hipMallocManaged(&memory, kSize, hipMemAttachGlobal));
  return static_cast<char*>(memory);
}

PROCESS_BODY(touch_unmapped_svm) {
  char* memory = managed_memory();
  unmap_for_good(memory + kPage);
  touch(memory + kPage);
}
TEST(DeviceFault, SvmPageThatWasUnmapped) {
  expect_fault("touch_unmapped_svm", "page not present");
}

PROCESS_BODY(touch_remapped_svm) {
  char* memory = managed_memory();
  REQUIRE(mmap(memory, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
               0) == memory);
  touch(memory);
}
TEST(DeviceFault, SvmPageThatWasReplaced) {
  expect_fault("touch_remapped_svm", "page not present");
}

PROCESS_BODY(write_read_only_svm) {
  DriverLog log;
  char* memory = managed_memory();
  REQUIRE(mprotect(memory, kSize, PROT_READ) == 0);
  log.wait_for("a", 1, " 50f7");
  touch(memory);
}
TEST(DeviceFault, WriteToReadOnlySvmPage) {
  expect_fault("write_read_only_svm", "write to a read-only page");
}

PROCESS_BODY(touch_unregistered_again) {
  char* memory = map_memory(kSize);
  std::uint64_t* device_words = register_memory(memory, kSize);
  { RunningKernel kernel(device_words, kWords); }
  REQUIRE_HIP(hipHostUnregister(memory));
  touch(device_words);
}
TEST(DeviceFault, MemoryAfterUnregister) {
  expect_fault("touch_unregistered_again", "page not present");
}

PROCESS_BODY(touch_freed_vram) {
  void* memory = nullptr;
  REQUIRE_HIP(hipMalloc(&memory, kPage));
  REQUIRE_HIP(hipFree(memory));
  touch(memory);
}
TEST(DeviceFault, FreedDeviceMemory) { expect_fault("touch_freed_vram", "page not present"); }

PROCESS_BODY(cpu_touches_vram) {
  void* memory = nullptr;
  REQUIRE_HIP(hipMalloc(&memory, kPage));
  *static_cast<volatile char*>(memory) = 1;
}
TEST(DeviceFault, CpuCannotReachDeviceMemory) {
  const ProcessResult result = run_process("cpu_touches_vram");
  EXPECT_FALSE(result.passed());
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_EQ(result.signal, SIGSEGV) << result.output;
#endif
}

struct Told {
  std::atomic<std::uint64_t> address{0};
  std::atomic<std::uint32_t> reasons{0};
};

hsa_status_t take_note(const hsa_amd_event_t* event, void* data) {
  Told& told = *static_cast<Told*>(data);
  told.reasons.store(event->memory_fault.fault_reason_mask);
  told.address.store(event->memory_fault.virtual_address);
  return event->event_type == HSA_AMD_GPU_MEMORY_FAULT_EVENT ? HSA_STATUS_SUCCESS
                                                             : HSA_STATUS_ERROR;
}

PROCESS_TEST(DeviceFault, HandlerTakesItAndAllQueuesStop) {
  Told told;
  REQUIRE(hsa_amd_register_system_event_handler(nullptr, nullptr) ==
          HSA_STATUS_ERROR_INVALID_ARGUMENT);
  REQUIRE(hsa_amd_register_system_event_handler(take_note, &told) == HSA_STATUS_SUCCESS);
  REQUIRE(hsa_amd_register_system_event_handler(take_note, &told) == HSA_STATUS_ERROR);
  DriverLog log;
  char* sound = map_memory(kSize);
  char* memory = map_memory(kSize);
  // Neither kernel ever ends, so neither object may be destroyed; static, or it would be a leak.
  static auto* const bystander = new RunningKernel(register_memory(sound, kSize), kWords);
  std::uint64_t* words = register_memory(memory, kSize);
  static auto* const kernel = new RunningKernel(words, kWords);
  unmap_for_good(memory + kPage);
  log.wait_for("34", 1);
  while (told.address.load() == 0) {
    sched_yield();
  }
  const auto begin = reinterpret_cast<std::uint64_t>(words);
  REQUIRE(told.address.load() >= begin && told.address.load() < begin + kSize);
  REQUIRE(told.reasons.load() == HSA_AMD_MEMORY_FAULT_PAGE_NOT_PRESENT);
  // Both waves stand: an eviction and its restore do not let them go again.
  const std::uint64_t passes = kernel->passes() + bystander->passes();
  REQUIRE(madvise(sound, kPage, MADV_DONTNEED) == 0);
  log.wait_for("a", 2, " 50f7");
  REQUIRE(kernel->passes() + bystander->passes() == passes);
}

hsa_status_t refuse(const hsa_amd_event_t*, void*) { return HSA_STATUS_ERROR; }

PROCESS_BODY(fault_with_a_handler_that_refuses) {
  REQUIRE(hsa_amd_register_system_event_handler(refuse, nullptr) == HSA_STATUS_SUCCESS);
  touch(map_memory(kSize));
}
TEST(DeviceFault, HandlerThatRefusesLetsTheProcessAbort) {
  expect_fault("fault_with_a_handler_that_refuses", "page not present");
}

}  // namespace
}  // namespace softgpu_test
