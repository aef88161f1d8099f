// SPDX-License-Identifier: MIT
// An executable with hipcc's fat binary, linked against ROCm and run on the software GPU.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <hip/hip_runtime.h>
#include <hsakmt.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <thread>

#include "kernels/record.hpp"
#include "kernels/workload_full.hpp"
#include "tests/kernels/dropin/probe_kernel.hpp"

namespace notifier::testing {
namespace {

std::string folder_of(const void* function) {
  Dl_info info{};
  if (dladdr(function, &info) == 0) {
    return "";
  }
  const std::string file = info.dli_fname;
  return file.substr(0, file.rfind('/'));
}

template <typename T>
T* host_memory(std::size_t count) {
  void* memory = nullptr;
  EXPECT_EQ(hipHostMalloc(&memory, count * sizeof(T), hipHostMallocMapped), hipSuccess);
  std::memset(memory, 0, count * sizeof(T));
  return static_cast<T*>(memory);
}

template <typename T>
T* device_address(T* host) {
  void* address = nullptr;
  EXPECT_EQ(hipHostGetDevicePointer(&address, host, 0), hipSuccess);
  return static_cast<T*>(address);
}

hipStream_t make_stream() {
  hipStream_t stream = nullptr;
  EXPECT_EQ(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking), hipSuccess);
  return stream;
}

TEST(DropIn, TakesThePlaceOfBothLibraries) {
  EXPECT_EQ(folder_of(reinterpret_cast<const void*>(&hipInit)), DROPIN_FOLDER);
  EXPECT_EQ(folder_of(reinterpret_cast<const void*>(&hsaKmtOpenKFD)), DROPIN_FOLDER);
}

TEST(DropIn, BothLibrariesSeeOneDevice) {
  int count = 0;
  ASSERT_EQ(hipGetDeviceCount(&count), hipSuccess);
  EXPECT_EQ(count, 1);
  ASSERT_EQ(hsaKmtOpenKFD(), HSAKMT_STATUS_SUCCESS);
  HsaSystemProperties system{};
  ASSERT_EQ(hsaKmtAcquireSystemProperties(&system), HSAKMT_STATUS_SUCCESS);
  EXPECT_GE(system.NumNodes, 1u);
  EXPECT_EQ(hsaKmtReleaseSystemProperties(), HSAKMT_STATUS_SUCCESS);
  EXPECT_EQ(hsaKmtCloseKFD(), HSAKMT_STATUS_SUCCESS);
}

TEST(DropIn, FindsTheFunctionThatDebiansHeaderLacks) {
  const void* open_smi = dlsym(RTLD_DEFAULT, "hsaKmtOpenSMI");
  EXPECT_NE(open_smi, nullptr);
}

TEST(DropIn, RunsTheWorkloadUntilItIsStopped) {
  constexpr std::uint64_t kWords = 4096;
  constexpr std::uint64_t kSeed = 3;
  auto* const data = host_memory<std::uint64_t>(kWords);
  auto* const command = host_memory<Command>(1);
  auto* const wave = host_memory<WaveState>(1);
  auto* const lane = host_memory<LaneState>(1);
  for (std::uint64_t word = 0; word < kWords; ++word) {
    data[word] = make_record(kHostOwner, word, 0, kSeed);
  }
  const WorkloadArguments arguments{.data = device_address(data),
                                    .size_words = kWords,
                                    .command = device_address(command),
                                    .waves = device_address(wave),
                                    .lanes = device_address(lane),
                                    .gaps = nullptr,
                                    .gap_capacity = 0,
                                    .owner = kFirstDeviceOwner,
                                    .seed = kSeed,
                                    .deadline_ticks = ~std::uint64_t{0}};
  const hipStream_t stream = make_stream();
  ASSERT_EQ(launch_workload(arguments, {1, 1}, stream), hipSuccess);
  while (__atomic_load_n(&wave->passes, __ATOMIC_ACQUIRE) < 20) {
    std::this_thread::yield();
  }
  __atomic_store_n(&command->stop, 1, __ATOMIC_RELAXED);
  __atomic_store_n(&command->generation, 1, __ATOMIC_RELEASE);
  ASSERT_EQ(hipStreamSynchronize(stream), hipSuccess);
  EXPECT_EQ(wave->finished, 1u);
  EXPECT_EQ(lane->violations, 0u);
  // Whole passes and perhaps a part of one: every word was visited at least twice.
  EXPECT_GE(lane->words_checked, 2 * kWords);
  EXPECT_EQ(record_owner(data[1]), kFirstDeviceOwner);
}

// hipcc's object names the kernel; what it holds the drop-in has from the library of kernels.
TEST(DropIn, KnowsWhatAFullContextHolds) {
  hipFuncAttributes attributes{};
  ASSERT_EQ(hipFuncGetAttributes(&attributes, workload_full_function()), hipSuccess);
  EXPECT_EQ(attributes.numRegs, 2 * static_cast<int>(kHeldRegisterWords));
  EXPECT_EQ(attributes.sharedSizeBytes, kHeldLocalBytes);
  ASSERT_EQ(hipFuncGetAttributes(&attributes, workload_function()), hipSuccess);
  EXPECT_EQ(attributes.sharedSizeBytes, 0u);
  int blocks = 0;
  ASSERT_EQ(hipOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, workload_full_function(), 1, 0),
            hipSuccess);
  EXPECT_EQ(blocks, 1);
}

TEST(DropIn, AKernelThatItDoesNotKnowIsNotFound) {
  auto* const counts = host_memory<std::uint64_t>(1);
  const hipStream_t stream = make_stream();
  EXPECT_EQ(launch_count_kernel({device_address(counts), 5}, 1, stream), hipErrorNotFound);
  ASSERT_EQ(hipStreamSynchronize(stream), hipSuccess);
  EXPECT_EQ(counts[0], 0u);
}

TEST(DropIn, PoppingWithoutAPushIsAnError) {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
  hipStream_t stream = nullptr;
  EXPECT_EQ(__hipPopCallConfiguration(&grid, &block, &shared_bytes, &stream), hipErrorInvalidValue);
}

// With SOFTGPU_KERNELS naming the library that has count_kernel and nothing else.
TEST(DropInWithOtherKernels, LaunchesWithBracketsArrive) {
  auto* const counts = host_memory<std::uint64_t>(1);
  const hipStream_t stream = make_stream();
  ASSERT_EQ(launch_count_kernel({device_address(counts), 5}, 1, stream), hipSuccess);
  ASSERT_EQ(launch_count_kernel({device_address(counts), 6}, 1, stream), hipSuccess);
  ASSERT_EQ(hipStreamSynchronize(stream), hipSuccess);
  EXPECT_EQ(counts[0], 11u);
}

TEST(DropInWithOtherKernels, TheWorkloadIsNotFound) {
  EXPECT_EQ(launch_workload({}, {1, 1}, make_stream()), hipErrorNotFound);
}

// With SOFTGPU_KERNELS naming a file that is not there.
TEST(DropInWithoutKernels, EveryLaunchIsNotFound) {
  EXPECT_EQ(launch_workload({}, {1, 1}, make_stream()), hipErrorNotFound);
  EXPECT_EQ(launch_count_kernel({}, 1, make_stream()), hipErrorNotFound);
}

}  // namespace
}  // namespace notifier::testing
