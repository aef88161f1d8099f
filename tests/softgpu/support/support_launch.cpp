// SPDX-License-Identifier: MIT
// Launching kernels, and what hipcc's code calls for it.
#include <hip/hip_runtime.h>

#include <array>
#include <cstring>

#include "device_primitives.hpp"
#include "softgpu/dropin/registration.hpp"
#include "support.hpp"

namespace softgpu_test::support {

// Found by its name in this program, as the drop-in finds kernels in its library.
extern "C" __global__ void support_add_kernel(AddArguments arguments) {
  using namespace notifier::device;
  store(arguments.device_word, load(arguments.device_word) + arguments.number);
}
NOTIFIER_KERNEL(support_add_kernel, AddArguments)

const void* add_kernel_address() { return reinterpret_cast<const void*>(&support_add_kernel); }

namespace {

hipError_t launch(const void* function, dim3 grid, dim3 block, std::size_t shared_bytes,
                  std::uint64_t* word, std::uint64_t number, hipStream_t stream) {
  AddArguments arguments{word, number};
  void* parameters[] = {&arguments};
  return hipLaunchKernel(function, grid, block, parameters, shared_bytes, stream);
}

const void* stub() {
  static const char address = 0;  // what an executable's launch stub is to the runtime: an address
  return &address;
}

void register_stub(const char* name) {
  std::array<char, 64> device_function{};
  std::strncpy(device_function.data(), name, device_function.size() - 1);
  __hipRegisterFunction(__hipRegisterFatBinary(nullptr), stub(), device_function.data(), name, 0,
                        nullptr, nullptr, nullptr, nullptr, nullptr);
}

void run_through_stub() {
  std::uint64_t* word = host_word();
  REQUIRE(launch(stub(), dim3(1), dim3(1), 0, word, 1, nullptr) == hipErrorNotFound);
  register_stub("support_add_kernel");
  REQUIRE_HIP(launch(stub(), dim3(1), dim3(1), 0, word, 8, nullptr));
  REQUIRE_HIP(hipDeviceSynchronize());
  REQUIRE(*word == 8);
}

void push_and_pop() {
  const hipStream_t stream = new_stream();
  REQUIRE_HIP(__hipPushCallConfiguration(dim3(3), dim3(1), 0, stream));
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 1;
  hipStream_t popped = nullptr;
  REQUIRE_HIP(__hipPopCallConfiguration(&grid, &block, &shared_bytes, &popped));
  REQUIRE(grid.x == 3 && block.x == 1 && shared_bytes == 0 && popped == stream);
  REQUIRE(__hipPopCallConfiguration(&grid, &block, &shared_bytes, &popped) == hipErrorInvalidValue);
}

constexpr std::array kRows = {
    Row{"hipLaunchKernel", "the kernel runs once, with its arguments",
        [] {
          std::uint64_t* word = host_word();
          REQUIRE_HIP(launch(add_kernel_address(), dim3(1), dim3(1), 0, word, 5, nullptr));
          REQUIRE_HIP(hipDeviceSynchronize());
          REQUIRE(*word == 5);
        },
        "one lane a wave, one structure of arguments: blocks above 1 are "
        "hipErrorInvalidConfiguration, shared memory hipErrorNotSupported",
        [] {
          std::uint64_t* word = host_word();
          REQUIRE(launch(add_kernel_address(), dim3(1), dim3(2), 0, word, 1, nullptr) ==
                  hipErrorInvalidConfiguration);
          REQUIRE(launch(add_kernel_address(), dim3(1), dim3(1), 64, word, 1, nullptr) ==
                  hipErrorNotSupported);
        }},
    Row{"hipFuncGetAttributes", "what the kernel says that it holds, and blocks of one thread",
        [] {
          hipFuncAttributes attributes{};
          REQUIRE_HIP(hipFuncGetAttributes(&attributes, add_kernel_address()));
          REQUIRE(attributes.maxThreadsPerBlock == 1);
          REQUIRE(attributes.numRegs == 0 && attributes.sharedSizeBytes == 0);
          REQUIRE(hipFuncGetAttributes(&attributes, stub()) == hipErrorInvalidDeviceFunction);
          REQUIRE(hipFuncGetAttributes(nullptr, add_kernel_address()) == hipErrorInvalidValue);
        },
        "all other attributes are zero",
        [] {
          hipFuncAttributes attributes{};
          REQUIRE_HIP(hipFuncGetAttributes(&attributes, add_kernel_address()));
          REQUIRE(attributes.binaryVersion == 0 && attributes.localSizeBytes == 0);
        }},
    Row{"hipOccupancyMaxActiveBlocksPerMultiprocessor", "one wave a thread",
        [] {
          int blocks = 0;
          REQUIRE_HIP(hipOccupancyMaxActiveBlocksPerMultiprocessor(
              &blocks, reinterpret_cast<const void*>(add_kernel_address()), 1, 0));
          REQUIRE(blocks == 1);
          REQUIRE(hipOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, stub(), 1, 0) ==
                  hipErrorInvalidDeviceFunction);
        },
        "blocks above 1 are hipErrorInvalidValue, shared memory hipErrorNotSupported",
        [] {
          int blocks = 0;
          const auto* const add = reinterpret_cast<const void*>(add_kernel_address());
          REQUIRE(hipOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, add, 2, 0) ==
                  hipErrorInvalidValue);
          REQUIRE(hipOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, add, 1, 64) ==
                  hipErrorNotSupported);
        }},
    Row{"__hipRegisterFatBinary", "gives the handle that kernels are registered with",
        run_through_stub},
    Row{"__hipRegisterFunction", "binds a launch stub to the kernel of that name", run_through_stub,
        "a kernel that SOFTGPU_KERNELS' library has not: its launch is hipErrorNotFound",
        [] {
          register_stub("no_such_kernel");
          REQUIRE(launch(stub(), dim3(1), dim3(1), 0, host_word(), 1, nullptr) == hipErrorNotFound);
        }},
    Row{"__hipUnregisterFatBinary", "at the end of the process; kernels can still be launched",
        [] {
          __hipUnregisterFatBinary(__hipRegisterFatBinary(nullptr));
          run_through_stub();
        }},
    Row{"__hipPushCallConfiguration", "keeps what <<<>>> says until the launch", push_and_pop},
    Row{"__hipPopCallConfiguration", "gives it back once", push_and_pop},
};

}  // namespace

std::span<const Row> launch_rows() { return kRows; }

hipError_t launch_add(std::uint64_t* device_word, std::uint64_t number, hipStream_t stream) {
  return launch(add_kernel_address(), dim3(1), dim3(1), 0, device_word, number, stream);
}

void add(std::uint64_t* device_word, std::uint64_t number) {
  const hipStream_t stream = new_stream();
  REQUIRE_HIP(launch_add(device_word, number, stream));
  REQUIRE_HIP(hipStreamSynchronize(stream));
}

char* zeroed_memory(std::size_t size_bytes) {
  return static_cast<char*>(std::memset(map_memory(size_bytes), 0, size_bytes));
}

std::uint64_t* host_word() {
  void* memory = nullptr;
  REQUIRE_HIP(hipHostMalloc(&memory, kPage, hipHostMallocDefault));
  return static_cast<std::uint64_t*>(memory);
}

hipStream_t new_stream() {
  hipStream_t stream = nullptr;
  REQUIRE_HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
  return stream;
}

hipEvent_t new_event() {
  hipEvent_t event = nullptr;
  REQUIRE_HIP(hipEventCreate(&event));
  return event;
}

}  // namespace softgpu_test::support
