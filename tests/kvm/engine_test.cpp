// SPDX-License-Identifier: MIT
// SOFTGPU_ENGINE=kvm behind the HIP and hsakmt calls. Each test in a process of its own, as those
// of the software MMU.
#include <gtest/gtest.h>
#include <hip/hip_runtime_api.h>
#include <hsakmt.h>
#include <signal.h>
#include <sys/mman.h>

#include <cstring>
#include <thread>

#include "tests/kvm/counter.hpp"
#include "tests/softgpu/process_test.hpp"

namespace softgpu_test {
namespace {

constexpr std::size_t kPage = 4096;
const Environment kKvm = {{"SOFTGPU_ENGINE", "kvm"}, {"SOFTGPU_WAVES", "1"}};

Environment kvm_and(const char* name, const char* value) {
  Environment environment = kKvm;
  environment[name] = value;
  return environment;
}

void need_device() {
  int devices = 0;
  if (hipGetDeviceCount(&devices) != hipSuccess) {
    skip_process("no virtual machine can be made here");
  }
}

char* map_memory(std::size_t size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return static_cast<char*>(memory);
}

struct Counting {
  explicit Counting(void* word) {
    void* memory = nullptr;
    REQUIRE(hipHostMalloc(&memory, sizeof(CounterBoard), hipHostMallocMapped) == hipSuccess);
    board = static_cast<CounterBoard*>(memory);
    std::memset(memory, 0, sizeof(CounterBoard));
    REQUIRE(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking) == hipSuccess);
    CounterArguments arguments{static_cast<std::uint64_t*>(word), board};
    void* parameters[] = {&arguments};
    REQUIRE(hipLaunchKernel(counter_function(), dim3(1), dim3(1), parameters, 0, stream) ==
            hipSuccess);
  }
  void wait_rounds(std::uint64_t rounds) const {
    const std::uint64_t target = __atomic_load_n(&board->rounds, __ATOMIC_ACQUIRE) + rounds;
    while (__atomic_load_n(&board->rounds, __ATOMIC_ACQUIRE) < target) {
      std::this_thread::yield();
    }
  }
  void stop() const {
    __atomic_store_n(&board->stop, 1, __ATOMIC_RELEASE);
    REQUIRE(hipStreamSynchronize(stream) == hipSuccess);
  }
  CounterBoard* board;
  hipStream_t stream = nullptr;
};

#define KVM_TEST(name)                                               \
  static void name();                                                \
  static const ProcessBody name##_process(#name, name);              \
  TEST(KvmEngine, name) { expect_passed(run_process(#name, kKvm)); } \
  static void name()

KVM_TEST(RegisteredMemoryIsReachedAtItsOwnAddress) {
  need_device();
  char* memory = map_memory(4 * kPage);
  REQUIRE(hipHostRegister(memory + 64, kPage, hipHostRegisterMapped) == hipSuccess);
  void* on_device = nullptr;
  REQUIRE(hipHostGetDevicePointer(&on_device, memory + 64, 0) == hipSuccess);
  REQUIRE(on_device == memory + 64);
  const Counting counting(on_device);
  counting.wait_rounds(5);
  counting.stop();
  REQUIRE(*reinterpret_cast<std::uint64_t*>(memory + 64) == counting.board->rounds);
  REQUIRE(hipHostUnregister(memory + 64) == hipSuccess);
}

KVM_TEST(EveryKindOfMemoryIsReached) {
  need_device();
  void* managed = nullptr;
  REQUIRE(hipMallocManaged(&managed, kPage, hipMemAttachGlobal) == hipSuccess);
  void* device_memory = nullptr;
  REQUIRE(hipMalloc(&device_memory, kPage) == hipSuccess);
  REQUIRE(hipMemset(device_memory, 0, kPage) == hipSuccess);
  for (void* memory : {managed, device_memory, static_cast<void*>(map_memory(kPage))}) {
    const Counting counting(memory);
    counting.wait_rounds(5);
    counting.stop();
    std::uint64_t counted = 0;
    REQUIRE(hipMemcpy(&counted, memory, sizeof(counted), hipMemcpyDefault) == hipSuccess);
    REQUIRE(counted == counting.board->rounds);
  }
  REQUIRE(hipFree(managed) == hipSuccess);
  REQUIRE(hipFree(device_memory) == hipSuccess);
}

KVM_TEST(OffersRetryFaultsOnly) {
  need_device();
  HSAint32 enabled = 0;
  REQUIRE(hsaKmtGetXNACKMode(&enabled) == HSAKMT_STATUS_SUCCESS && enabled == 1);
  REQUIRE(hsaKmtSetXNACKMode(0) == HSAKMT_STATUS_ERROR);
  hipDeviceProp_t properties{};
  REQUIRE(hipGetDeviceProperties(&properties, 0) == hipSuccess);
  REQUIRE(std::strncmp(properties.gcnArchName, "softgpu-kvm", 11) == 0);
}

KVM_TEST(RefusesWhatIsNoMemory) {
  need_device();
  char* memory = map_memory(2 * kPage);
  REQUIRE(munmap(memory + kPage, kPage) == 0);
  REQUIRE(hipHostRegister(memory, 2 * kPage, hipHostRegisterMapped) != hipSuccess);
  REQUIRE(hipHostRegister(memory, kPage, hipHostRegisterMapped) == hipSuccess);
  REQUIRE(hipHostRegister(memory, kPage, hipHostRegisterMapped) ==
          hipErrorHostMemoryAlreadyRegistered);
}

PROCESS_BODY(use_up_slots) {
  need_device();
  char* memory = map_memory(8 * kPage);
  hipError_t error = hipSuccess;
  for (int page = 0; page < 8 && error == hipSuccess; ++page) {
    error = hipHostRegister(memory + page * kPage, kPage, hipHostRegisterMapped);
  }
  REQUIRE(error == hipErrorOutOfMemory);
}
TEST(KvmEngine, SaysWhenItsSlotsAreUsedUp) {
  const ProcessResult result = run_process("use_up_slots", kvm_and("SOFTGPU_KVM_SLOTS", "4"));
  expect_passed(result);
  if (result.passed()) {
    EXPECT_NE(result.output.find("all 4 memory slots"), std::string::npos) << result.output;
  }
}

PROCESS_BODY(touch_beyond_the_last_slot) {
  need_device();
  const Counting counting(map_memory(kPage));
  REQUIRE(hipStreamSynchronize(counting.stream) != hipSuccess);  // never returns
}
TEST(KvmEngine, MemoryFoundOnDemandSaysThatItsSlotsAreUsedUp) {
  const ProcessResult result =
      run_process("touch_beyond_the_last_slot", kvm_and("SOFTGPU_KVM_SLOTS", "2"));
  if (result.exit_status == kSkipStatus) {
    GTEST_SKIP() << result.output;
  }
  EXPECT_EQ(result.signal, SIGABRT) << result.output;
  EXPECT_NE(result.output.find("all 2 memory slots"), std::string::npos) << result.output;
}

PROCESS_BODY(touch_protected_memory) {
  need_device();
  char* memory = map_memory(kPage);
  const Counting counting(memory + 16);
  counting.wait_rounds(2);
  std::printf("fault on address 0x%lx\n", reinterpret_cast<unsigned long>(memory + 16));
  std::fflush(stdout);
  mprotect(memory, kPage, PROT_NONE);
  REQUIRE(hipStreamSynchronize(counting.stream) != hipSuccess);  // never returns
}
TEST(KvmEngine, AnAccessThatCannotBeServedEndsTheProcess) {
  const ProcessResult result = run_process("touch_protected_memory", kKvm);
  if (result.exit_status == kSkipStatus) {
    GTEST_SKIP() << result.output;
  }
  EXPECT_EQ(result.signal, SIGABRT) << result.output;
  const std::size_t address = result.output.find("0x");
  ASSERT_NE(address, std::string::npos) << result.output;
  const std::string told = "memory access fault by device 0 on address " +
                           result.output.substr(address, result.output.find('\n') - address);
  EXPECT_NE(result.output.find(told), std::string::npos) << result.output;
}

PROCESS_BODY(find_device) {
  int devices = 0;
  REQUIRE(hipGetDeviceCount(&devices) == hipErrorNotInitialized);
}
TEST(KvmEngine, OtherPlantsThanAStaleCopyAreRefused) {
  const ProcessResult result = run_process("find_device", kvm_and("SOFTGPU_PLANT", "torn"));
  expect_passed(result);
  EXPECT_NE(result.output.find("SOFTGPU_PLANT=stale only"), std::string::npos) << result.output;
}
TEST(KvmEngine, UnknownEnginesAreRefused) {
  const ProcessResult result = run_process("find_device", {{"SOFTGPU_ENGINE", "xen"}});
  expect_passed(result);
  EXPECT_NE(result.output.find("SOFTGPU_ENGINE=xen"), std::string::npos) << result.output;
}

}  // namespace
}  // namespace softgpu_test
