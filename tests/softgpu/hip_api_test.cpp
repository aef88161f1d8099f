// SPDX-License-Identifier: MIT
// HIP and hsakmt as the harness calls them: results, errors, misuse.
#include <hip/hip_runtime.h>
#include <hsakmt.h>
#include <sched.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "device_primitives.hpp"
#include "process_test.hpp"
#include "test_device.hpp"

extern "C" HSAKMT_STATUS hsaKmtOpenSMI(HSAuint32 node, int* descriptor);

namespace softgpu_test {
namespace {

constexpr std::size_t kSize = 16 * kPage;

struct PositionArguments {
  std::uint64_t* words;  // per wave: index, count, lane, lanes
};

__global__ void position_kernel(PositionArguments arguments) {
  using namespace notifier::device;
  std::uint64_t* own = arguments.words + std::uint64_t{wave_index()} * 4;
  store(own, wave_index());
  store(own + 1, wave_count());
  store(own + 2, lane_index());
  store(own + 3, lanes_per_wave());
}
NOTIFIER_KERNEL(position_kernel, PositionArguments)

__global__ void unregistered_kernel(PositionArguments) {}

const void* address_of(void (*kernel)(PositionArguments)) {
  return reinterpret_cast<const void*>(kernel);
}

hipError_t launch(void (*kernel)(PositionArguments), std::uint64_t* words, dim3 grid, dim3 block,
                  hipStream_t stream = nullptr) {
  PositionArguments arguments{words};
  void* parameters[] = {&arguments};
  return hipLaunchKernel(address_of(kernel), grid, block, parameters, 0, stream);
}

std::uint64_t* host_words() {
  void* memory = nullptr;
  REQUIRE_HIP(hipHostMalloc(&memory, kSize, hipHostMallocDefault));
  std::memset(memory, 0xFF, kSize);
  return static_cast<std::uint64_t*>(memory);
}

PROCESS_TEST(HipDevice, DescribesOneDevice) {
  int count = 0;
  REQUIRE_HIP(hipGetDeviceCount(&count));
  REQUIRE(count == 1);
  REQUIRE_HIP(hipSetDevice(0));
  REQUIRE(hipSetDevice(1) == hipErrorInvalidDevice);
  hipDeviceProp_t properties{};
  REQUIRE_HIP(hipGetDeviceProperties(&properties, 0));
  REQUIRE(std::strcmp(properties.gcnArchName, "softgpu") == 0);
  REQUIRE(properties.warpSize == 1);
  int waves = 0;
  REQUIRE_HIP(hipDeviceGetAttribute(&waves, hipDeviceAttributeMultiprocessorCount, 0));
  REQUIRE(waves == properties.multiProcessorCount);
  int value = 0;
  REQUIRE(hipDeviceGetAttribute(&value, hipDeviceAttributeMaxTexture1DWidth, 0) ==
          hipErrorNotSupported);
  REQUIRE(hipDeviceGetAttribute(nullptr, hipDeviceAttributeWarpSize, 0) == hipErrorInvalidValue);
}

PROCESS_BODY(launch_positions) {
  std::uint64_t* words = host_words();
  REQUIRE_HIP(launch(position_kernel, words, dim3(3), dim3(1)));
  REQUIRE_HIP(hipDeviceSynchronize());
  for (std::uint64_t wave = 0; wave < 3; ++wave) {
    REQUIRE(words[wave * 4] == wave);
    REQUIRE(words[wave * 4 + 1] == 3);
    REQUIRE(words[wave * 4 + 2] == 0);
    REQUIRE(words[wave * 4 + 3] == 1);
  }
  REQUIRE(launch(position_kernel, words, dim3(4), dim3(1)) == hipErrorLaunchOutOfResources);
}

TEST(HipLaunch, EveryWaveKnowsItsPosition) {
  expect_passed(run_process("launch_positions", {{"SOFTGPU_WAVES", "3"}}));
}

PROCESS_TEST(HipLaunch, RefusesWhatItCannotRun) {
  std::uint64_t* words = host_words();
  REQUIRE(launch(unregistered_kernel, words, dim3(1), dim3(1)) == hipErrorNotFound);
  REQUIRE(hipGetLastError() == hipErrorNotFound);
  REQUIRE(hipGetLastError() == hipSuccess);
  REQUIRE(launch(position_kernel, words, dim3(1), dim3(2)) == hipErrorInvalidConfiguration);
  REQUIRE(launch(position_kernel, words, dim3(0), dim3(1)) == hipErrorInvalidConfiguration);
  REQUIRE(launch(position_kernel, words, dim3(1, 2), dim3(1)) == hipErrorInvalidConfiguration);
  REQUIRE(hipLaunchKernel(address_of(position_kernel), dim3(1), dim3(1), nullptr, 0, nullptr) ==
          hipErrorInvalidValue);
  REQUIRE(launch(position_kernel, words, dim3(1), dim3(1), reinterpret_cast<hipStream_t>(words)) ==
          hipErrorInvalidHandle);
}

PROCESS_TEST(HipStream, QueryTellsWhetherWorkIsLeft) {
  std::uint64_t* words = host_words();
  RunningKernel kernel(words, kSize / 8);
  REQUIRE(hipStreamQuery(kernel.stream()) == hipErrorNotReady);
  hipStream_t idle = nullptr;
  REQUIRE_HIP(hipStreamCreateWithFlags(&idle, hipStreamNonBlocking));
  REQUIRE_HIP(hipStreamQuery(idle));
  REQUIRE_HIP(hipStreamDestroy(idle));
  REQUIRE(hipStreamQuery(idle) == hipErrorInvalidHandle);
  REQUIRE(hipStreamCreateWithFlags(&idle, 77) == hipErrorInvalidValue);
}

PROCESS_TEST(HipStream, KernelsOnDifferentStreamsRunTogether) {
  std::uint64_t* words = host_words();
  RunningKernel kernel(words, kSize / 8);
  RunningKernel other(host_words(), kSize / 8);
  kernel.wait_for_passes(2);
  other.wait_for_passes(2);
}

PROCESS_TEST(HipEvent, CompletesWithTheWorkBeforeIt) {
  hipEvent_t start = nullptr;
  hipEvent_t stop = nullptr;
  REQUIRE_HIP(hipEventCreate(&start));
  REQUIRE_HIP(hipEventCreate(&stop));
  float ms = -1;
  REQUIRE(hipEventElapsedTime(&ms, start, stop) == hipErrorInvalidHandle);  // not recorded
  RunningKernel kernel(host_words(), kSize / 8);
  REQUIRE_HIP(hipEventRecord(stop, kernel.stream()));
  REQUIRE(hipEventQuery(stop) == hipErrorNotReady);
  hipStream_t other = nullptr;
  REQUIRE_HIP(hipStreamCreateWithFlags(&other, hipStreamNonBlocking));
  REQUIRE_HIP(hipEventRecord(start, other));
  REQUIRE_HIP(hipEventSynchronize(start));
  kernel.stop();
  REQUIRE_HIP(hipEventSynchronize(stop));
  REQUIRE_HIP(hipEventElapsedTime(&ms, start, stop));
  REQUIRE(ms > 0);
  REQUIRE_HIP(hipEventDestroy(start));
  REQUIRE(hipEventDestroy(start) == hipErrorInvalidHandle);
}

PROCESS_TEST(HipEvent, StreamWaitsForAnEventOfAnother) {
  RunningKernel kernel(host_words(), kSize / 8);
  hipEvent_t event = nullptr;
  REQUIRE_HIP(hipEventCreate(&event));
  REQUIRE_HIP(hipEventRecord(event, kernel.stream()));
  hipStream_t other = nullptr;
  REQUIRE_HIP(hipStreamCreateWithFlags(&other, hipStreamNonBlocking));
  REQUIRE_HIP(hipStreamWaitEvent(other, event, 0));
  REQUIRE(hipStreamQuery(other) == hipErrorNotReady);
  kernel.stop();
  REQUIRE_HIP(hipStreamSynchronize(other));
}

PROCESS_TEST(Hsakmt, ClockCountersAreTheKernelsClock) {
  REQUIRE(hsaKmtOpenKFD() == HSAKMT_STATUS_SUCCESS);
  HsaClockCounters before{};
  HsaClockCounters after{};
  RunningKernel kernel(host_words(), kSize / 8);
  REQUIRE(hsaKmtGetClockCounters(1, &before) == HSAKMT_STATUS_SUCCESS);
  kernel.wait_for_passes(1);
  const std::uint64_t stamp = load_word(&kernel.control().last_clock_ticks);
  REQUIRE(hsaKmtGetClockCounters(1, &after) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(before.GPUClockCounter <= stamp && stamp <= after.GPUClockCounter);
  REQUIRE(before.CPUClockCounter < after.CPUClockCounter);
  REQUIRE(before.SystemClockFrequencyHz == 1'000'000'000);
  REQUIRE(hsaKmtGetClockCounters(0, &before) == HSAKMT_STATUS_INVALID_NODE_UNIT);
}

PROCESS_TEST(Hsakmt, TopologyHasOneGpu) {
  HsaSystemProperties system{};
  REQUIRE(hsaKmtAcquireSystemProperties(&system) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(system.NumNodes == 2);
  HsaNodeProperties node{};
  REQUIRE(hsaKmtGetNodeProperties(0, &node) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(node.NumFComputeCores == 0);
  REQUIRE(hsaKmtGetNodeProperties(1, &node) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(node.NumFComputeCores >= 1);
  REQUIRE(hsaKmtGetNodeProperties(2, &node) == HSAKMT_STATUS_INVALID_NODE_UNIT);
  HSAint32 xnack = -1;
  REQUIRE(hsaKmtGetXNACKMode(&xnack) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(xnack == 0);
  int descriptor = -1;
  REQUIRE(hsaKmtOpenSMI(0, &descriptor) == HSAKMT_STATUS_INVALID_NODE_UNIT);
}

/// A call that waits for a kernel without end must say so instead of hanging.
void expect_named_wait(const char* body, const std::string& call) {
  const ProcessResult result = run_process(body, {{"SOFTGPU_WAIT_LIMIT_MS", "50"}});
  EXPECT_EQ(result.signal, SIGABRT) << result.output;
  EXPECT_NE(result.output.find(call + " has waited 50 ms for kernel sweep_kernel"),
            std::string::npos)
      << result.output;
}

PROCESS_BODY(free_under_kernel) {
  void* memory = nullptr;
  REQUIRE_HIP(hipMalloc(&memory, kPage));
  RunningKernel kernel(host_words(), kSize / 8);
  (void)hipFree(memory);
}
TEST(Misuse, FreeWaitsForThePersistentKernel) { expect_named_wait("free_under_kernel", "hipFree"); }

PROCESS_BODY(unregister_under_kernel) {
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kSize / 8);
  (void)hipHostUnregister(memory);
}
TEST(Misuse, UnregisterWaitsForThePersistentKernel) {
  expect_named_wait("unregister_under_kernel", "hipHostUnregister");
}

PROCESS_BODY(copy_under_kernel) {
  RunningKernel kernel(host_words(), kSize / 8);
  char byte = 0;
  (void)hipMemcpy(host_words(), &byte, 1, hipMemcpyDefault);
}
TEST(Misuse, CopyWaitsForThePersistentKernel) {
  const ProcessResult result = run_process("copy_under_kernel", {{"SOFTGPU_WAIT_LIMIT_MS", "50"}});
  EXPECT_EQ(result.signal, SIGABRT) << result.output;
  EXPECT_NE(result.output.find("hipMemcpy has waited 50 ms"), std::string::npos) << result.output;
}

PROCESS_BODY(calls_while_a_kernel_runs) {
  void* memory = nullptr;
  REQUIRE_HIP(hipMalloc(&memory, kPage));  // nothing runs yet
  RunningKernel kernel(host_words(), kSize / 8);
  REQUIRE(hipStreamQuery(kernel.stream()) == hipErrorNotReady);
  std::printf("the listed call passed\n");
  std::fflush(stdout);
  int devices = 0;
  (void)hipGetDeviceCount(&devices);
}
TEST(Misuse, OnlyListedCallsMayBeMadeWhileAKernelRuns) {
  const std::string listed = "hipLaunchKernel,hipStreamQuery";
  const ProcessResult result =
      run_process("calls_while_a_kernel_runs", {{"SOFTGPU_ALLOWED_CALLS", listed}});
  EXPECT_EQ(result.signal, SIGABRT) << result.output;
  EXPECT_NE(result.output.find("the listed call passed"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("hipGetDeviceCount was called while kernel sweep_kernel runs"),
            std::string::npos)
      << result.output;
}

PROCESS_TEST(Misuse, ThreadsBeforeTheFirstCallAreRefused) {
  std::atomic<bool> stop{false};
  std::thread early([&] {
    while (!stop) {
      sched_yield();
    }
  });
  REQUIRE(hipInit(0) == hipErrorNotInitialized);
  stop = true;
  early.join();
  REQUIRE(hipInit(0) == hipErrorNotInitialized);  // the answer stays
}

PROCESS_BODY(start_another_device) {
  REQUIRE_HIP(hipInit(0));
  const ProcessResult inner = run_process("init_only");
  std::printf("%s\n", inner.output.c_str());
  REQUIRE(inner.exit_status == 3);
}
PROCESS_BODY(init_only) { _exit(hipInit(0) == hipErrorNotInitialized ? 3 : 0); }

TEST(Misuse, DeviceBelowADeviceIsRefused) {
  const ProcessResult result = run_process("start_another_device");
  expect_passed(result);
  EXPECT_NE(result.output.find("only one seccomp listener"), std::string::npos) << result.output;
}

TEST(Misuse, WrongEnvironmentIsNamed) {
  const ProcessResult result = run_process("init_only", {{"SOFTGPU_PLANT", "skip_hook:nothing"}});
  EXPECT_EQ(result.exit_status, 3);
  EXPECT_NE(result.output.find("no hook is called nothing"), std::string::npos) << result.output;
}

}  // namespace
}  // namespace softgpu_test
