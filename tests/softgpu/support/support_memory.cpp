// SPDX-License-Identifier: MIT
// Allocation, registration, placement.
#include <sys/mman.h>

#include <array>

#include "support.hpp"

namespace softgpu_test::support {
namespace {

constexpr std::size_t kBytes = 4 * kPage;

struct DeviceMemory {
  std::size_t free = 0;
  std::size_t total = 0;
};
DeviceMemory device_memory() {
  DeviceMemory found;
  REQUIRE_HIP(hipMemGetInfo(&found.free, &found.total));
  return found;
}

std::uint64_t* managed_words() {
  void* memory = nullptr;
  REQUIRE_HIP(hipMallocManaged(&memory, kBytes, hipMemAttachGlobal));
  return static_cast<std::uint64_t*>(memory);
}

bool child_finds_nothing(const void* memory) {
  // Memory that is not there for a child: msync says ENOMEM. By a child, for DONTFORK shows there.
  HeldChild child(HeldChild::Made::kByLibc, [memory] {
    return msync(const_cast<void*>(memory), kPage, MS_ASYNC) == 0 ? 1 : 0;
  });
  return child.finish() == 0;
}

constexpr std::array kRows = {
    Row{"hipMalloc", "the device reaches it, hipMemGetInfo counts it, too much is refused",
        [] {
          const DeviceMemory before = device_memory();
          void* memory = nullptr;
          REQUIRE_HIP(hipMalloc(&memory, kBytes));
          REQUIRE(before.free - device_memory().free == kBytes);
          REQUIRE_HIP(hipMemset(memory, 0, kBytes));
          add(static_cast<std::uint64_t*>(memory), 5);
          std::uint64_t word = 0;
          REQUIRE_HIP(hipMemcpy(&word, memory, sizeof(word), hipMemcpyDeviceToHost));
          REQUIRE(word == 5);
          REQUIRE(hipMalloc(&memory, before.total + kPage) == hipErrorOutOfMemory);
        }},
    Row{"hipFree", "gives device memory back; a second time is an error",
        [] {
          const DeviceMemory before = device_memory();
          void* memory = nullptr;
          REQUIRE_HIP(hipMalloc(&memory, kBytes));
          REQUIRE_HIP(hipFree(memory));
          REQUIRE(device_memory().free == before.free);
          REQUIRE(hipFree(memory) == hipErrorInvalidValue);
          REQUIRE_HIP(hipFree(nullptr));
        }},
    Row{"hipMallocManaged", "CPU and device work on one address",
        [] {
          std::uint64_t* words = managed_words();
          words[0] = 40;
          add(words, 2);
          REQUIRE(words[0] == 42);
        },
        "hipMemAttachHost: hipErrorNotSupported",
        [] {
          void* memory = nullptr;
          REQUIRE(hipMallocManaged(&memory, kBytes, hipMemAttachHost) == hipErrorNotSupported);
        }},
    Row{"hipHostMalloc", "CPU and device work on it; a child of fork has none of it",
        [] {
          std::uint64_t* word = host_word();
          add(word, 7);
          REQUIRE(*word == 7);
          REQUIRE(child_finds_nothing(word));
        },
        "hipHostMallocNonCoherent and hipHostMallocWriteCombined: hipErrorNotSupported",
        [] {
          void* memory = nullptr;
          REQUIRE(hipHostMalloc(&memory, kBytes, hipHostMallocNonCoherent) == hipErrorNotSupported);
          REQUIRE(hipHostMalloc(&memory, kBytes, hipHostMallocWriteCombined) ==
                  hipErrorNotSupported);
        }},
    Row{"hipHostFree", "ends what hipHostMalloc made, and nothing else",
        [] {
          std::uint64_t* word = host_word();
          REQUIRE_HIP(hipHostFree(word));
          REQUIRE(msync(word, kPage, MS_ASYNC) == -1);  // the memory is gone
          REQUIRE(hipHostFree(word) == hipErrorInvalidValue);
          REQUIRE(hipHostFree(managed_words()) == hipErrorInvalidValue);
        }},
    Row{"hipHostRegister", "the device works on the program's memory and evicts when it changes",
        [] {
          DriverLog log;
          char* memory = zeroed_memory(kBytes);
          std::uint64_t* device_words = register_memory(memory, kBytes);
          add(device_words, 9);
          REQUIRE(*reinterpret_cast<std::uint64_t*>(memory) == 9);
          REQUIRE(madvise(memory, kBytes, MADV_DONTNEED) == 0);
          REQUIRE(log.count("9", " 1") == 1);
        },
        "hipHostRegisterIoMemory and coarse-grained memory: hipErrorNotSupported",
        [] {
          char* memory = zeroed_memory(kBytes);
          REQUIRE(hipHostRegister(memory, kBytes, hipHostRegisterIoMemory) == hipErrorNotSupported);
          REQUIRE(hipHostRegister(memory, kBytes, hipExtHostRegisterCoarseGrained) ==
                  hipErrorNotSupported);
        }},
    Row{"hipHostUnregister", "changes of the memory evict no more; a second time is an error",
        [] {
          DriverLog log;
          char* memory = zeroed_memory(kBytes);
          register_memory(memory, kBytes);
          REQUIRE_HIP(hipHostUnregister(memory));
          REQUIRE(madvise(memory, kBytes, MADV_DONTNEED) == 0);
          REQUIRE(log.count("9") == 0);
          REQUIRE(hipHostUnregister(memory) == hipErrorHostMemoryNotRegistered);
        }},
    Row{"hipHostGetDevicePointer", "differs from the host's pointer, also inside the memory",
        [] {
          char* memory = zeroed_memory(kBytes);
          register_memory(memory, kBytes);
          void* first = nullptr;
          void* inside = nullptr;
          REQUIRE_HIP(hipHostGetDevicePointer(&first, memory, 0));
          REQUIRE_HIP(hipHostGetDevicePointer(&inside, memory + 16, 0));
          REQUIRE(first != memory && inside == static_cast<char*>(first) + 16);
          REQUIRE(hipHostGetDevicePointer(&first, &memory, 0) == hipErrorInvalidValue);
        }},
    Row{"hipPointerGetAttributes", "kind, device and both addresses",
        [] {
          char* memory = zeroed_memory(kBytes);
          std::uint64_t* device_words = register_memory(memory, kBytes);
          hipPointerAttribute_t attributes{};
          REQUIRE_HIP(hipPointerGetAttributes(&attributes, memory));
          REQUIRE(attributes.devicePointer == device_words && attributes.hostPointer == memory);
          REQUIRE(attributes.isManaged == 0);
          REQUIRE_HIP(hipPointerGetAttributes(&attributes, managed_words()));
          REQUIRE(attributes.isManaged == 1);
          REQUIRE(hipPointerGetAttributes(&attributes, &memory) == hipErrorInvalidValue);
        }},
    Row{"hipMemGetInfo", "SOFTGPU_VRAM, and what hipMalloc has taken of it",
        [] {
          const DeviceMemory whole = device_memory();
          REQUIRE(whole.total == std::size_t{8} << 20 && whole.free == whole.total);
          void* memory = nullptr;
          REQUIRE_HIP(hipMalloc(&memory, kBytes));
          REQUIRE(device_memory().free == whole.total - kBytes);
        }},
    Row{"hipMemPrefetchAsync", "managed memory moves to the device and back, with its data",
        [] {
          DriverLog log;
          std::uint64_t* words = managed_words();
          words[0] = 11;
          const hipStream_t stream = new_stream();
          REQUIRE_HIP(hipMemPrefetchAsync(words, kBytes, 0, stream));
          REQUIRE_HIP(hipMemPrefetchAsync(words, kBytes, hipCpuDeviceId, stream));
          REQUIRE_HIP(hipStreamSynchronize(stream));
          REQUIRE(log.count("5") == 2 && log.count("6") == 2);
          REQUIRE(words[0] == 11);
        },
        "memory that is not hipMallocManaged's: hipErrorNotSupported",
        [] {
          REQUIRE(hipMemPrefetchAsync(zeroed_memory(kBytes), kBytes, 0, nullptr) ==
                  hipErrorNotSupported);
        }},
};

}  // namespace

std::span<const Row> memory_rows() { return kRows; }

}  // namespace softgpu_test::support
