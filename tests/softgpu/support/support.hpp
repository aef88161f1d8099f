// SPDX-License-Identifier: MIT
// Rows of docs/softgpu-support.md: a function that the software GPU has, and the code that shows
// what it does. Each piece of code runs in a process of its own, with two devices.
#pragma once

#include <hip/hip_runtime_api.h>
#include <hsakmt.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/softgpu/process_test.hpp"
#include "tests/softgpu/test_device.hpp"

namespace softgpu_test::support {

struct Row {
  const char* function;
  const char* shows;  // what `works` looks at
  void (*works)();
  // What is not there, and code that shows it: an error or a value that says so, never silence.
  const char* missing = "";
  void (*lacks)() = nullptr;
};

std::span<const Row> device_rows();
std::span<const Row> memory_rows();
std::span<const Row> copy_rows();
std::span<const Row> stream_rows();
std::span<const Row> event_rows();
std::span<const Row> launch_rows();
std::span<const Row> thunk_rows();
std::span<const Row> thunk_memory_rows();

inline constexpr HSAuint32 kGpuNode = 1;
inline constexpr int kDevices = 2;

/// One launch of a kernel that adds `number` to the word that the device finds at `device_word`.
struct AddArguments {
  std::uint64_t* device_word;
  std::uint64_t number;
};
hipError_t launch_add(std::uint64_t* device_word, std::uint64_t number,
                      hipStream_t stream = nullptr);
const void* add_kernel_address();

/// The same, and waits for it.
void add(std::uint64_t* device_word, std::uint64_t number);

/// map_memory() with zeros in it.
char* zeroed_memory(std::size_t size_bytes);

/// A word of hipHostMalloc, zero.
std::uint64_t* host_word();

hipStream_t new_stream();
hipEvent_t new_event();

}  // namespace softgpu_test::support
