// SPDX-License-Identifier: MIT
// Several devices in one process: queues and memory of their own, one address space for all.
#include <fcntl.h>
#include <hip/hip_runtime.h>
#include <hsakmt.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <new>
#include <string>
#include <thread>

#include "device_primitives.hpp"
#include "process_test.hpp"
#include "test_device.hpp"

extern "C" HSAKMT_STATUS hsaKmtOpenSMI(HSAuint32 node, int* descriptor);

namespace softgpu_test {
namespace {

constexpr std::size_t kSize = 8 * kPage;
constexpr std::size_t kWords = kSize / 8;
constexpr std::size_t kVram = 1 << 20;  // as the tests set SOFTGPU_VRAM

struct RelayArguments {
  std::uint64_t* words;
  std::uint64_t* go;
  std::uint64_t wanted;  // the job waits for this in `go`, on the device
  std::uint64_t value;
};

/// Waits, then adds `value` to the word.
__global__ void relay(RelayArguments job) {
  using namespace notifier::device;
  while (load_acquire(job.go) < job.wanted) {
    clock_ticks();
  }
  store(job.words, load(job.words) + job.value);
}
NOTIFIER_KERNEL(relay, RelayArguments)

void launch_relay(hipStream_t stream, RelayArguments arguments) {
  void* parameters[] = {&arguments};
  REQUIRE_HIP(hipLaunchKernel(reinterpret_cast<const void*>(&relay), dim3(1), dim3(1), parameters,
                              0, stream));
}

hipStream_t stream_on(int device) {
  hipStream_t stream = nullptr;
  REQUIRE_HIP(hipSetDevice(device));
  REQUIRE_HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
  return stream;
}

std::uint64_t* shared_word() {
  void* memory = nullptr;
  REQUIRE_HIP(hipHostMalloc(&memory, kPage, hipHostMallocDefault));
  return new (memory) std::uint64_t{0};
}

/// Lines of one device that end so; waits for `wanted` of them.
std::size_t lines_of_device(int descriptor, const std::string& tail, std::size_t wanted) {
  std::string text;
  for (;;) {
    std::size_t found = 0;
    for (std::size_t at = text.find(tail + "\n"); at != std::string::npos;
         at = text.find(tail + "\n", at + 1)) {
      ++found;
    }
    if (found >= wanted) {
      return found;
    }
    pollfd readable{.fd = descriptor, .events = POLLIN, .revents = 0};
    poll(&readable, 1, 1000);
    char buffer[8192];
    const ssize_t got = read(descriptor, buffer, sizeof(buffer));
    text.append(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
  }
}

PROCESS_BODY(each_device_has_its_own_memory) {
  int count = 0;
  REQUIRE_HIP(hipGetDeviceCount(&count));
  REQUIRE(count == 2);
  for (int device = 0; device < 2; ++device) {
    hipDeviceProp_t properties{};
    REQUIRE_HIP(hipGetDeviceProperties(&properties, device));
    HsaNodeProperties node{};
    REQUIRE(hsaKmtGetNodeProperties(static_cast<HSAuint32>(device) + 1, &node) ==
            HSAKMT_STATUS_SUCCESS);
    REQUIRE(static_cast<int>(node.LocationId >> 8 & 0xFF) == properties.pciBusID);
  }
  REQUIRE(hipSetDevice(2) == hipErrorInvalidDevice && hipSetDevice(-1) == hipErrorInvalidDevice);
  void* whole[2] = {};
  for (int device = 0; device < 2; ++device) {
    REQUIRE_HIP(hipSetDevice(device));
    REQUIRE_HIP(hipMalloc(&whole[device], kVram));
    std::size_t free_bytes = 1;
    std::size_t total_bytes = 0;
    REQUIRE_HIP(hipMemGetInfo(&free_bytes, &total_bytes));
    REQUIRE(free_bytes == 0 && total_bytes == kVram);
    void* more = nullptr;
    REQUIRE(hipMalloc(&more, kPage) == hipErrorOutOfMemory);
    hipPointerAttribute_t attributes;
    REQUIRE_HIP(hipPointerGetAttributes(&attributes, whole[device]));
    REQUIRE(attributes.device == device);
  }
  // The thread's device decides where memory comes from, not where it goes back to.
  REQUIRE_HIP(hipFree(whole[0]));
  std::thread([] {
    int device = -1;
    REQUIRE_HIP(hipGetDevice(&device));
    REQUIRE(device == 0);  // a thread's own
    void* memory = nullptr;
    REQUIRE_HIP(hipMalloc(&memory, kVram));
    REQUIRE_HIP(hipFree(memory));
  }).join();
  void* more = nullptr;
  REQUIRE(hipMalloc(&more, kPage) == hipErrorOutOfMemory);  // of device 1
  REQUIRE_HIP(hipFree(whole[1]));
}

PROCESS_BODY(one_invalidation_stops_both_devices) {
  DriverLog log;  // of device 0
  int second = -1;
  REQUIRE(hsaKmtOpenSMI(2, &second) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(hsaKmtOpenSMI(3, &second) == HSAKMT_STATUS_INVALID_NODE_UNIT);
  const std::uint64_t everything = ~0ull;
  REQUIRE(write(second, &everything, sizeof(everything)) == sizeof(everything));
  char* memory = map_memory(kSize);
  char* other = map_memory(kSize);
  RunningKernel on_first(register_memory(memory, kSize), kWords);
  REQUIRE_HIP(hipSetDevice(1));
  RunningKernel on_second(register_memory(other, kSize), kWords);
  // Only memory that the first device's kernel uses is changed, and kept from being restored.
  REQUIRE(mprotect(memory, kPage, PROT_READ) == 0);
  REQUIRE(lines_of_device(second, " 50f8 1", 1) == 1);
  log.wait_for("a", 2, " 50f7 R");
  const std::uint64_t passes = on_second.passes();
  log.wait_for("a", 4, " 50f7 R");
  REQUIRE(on_second.passes() == passes);
  REQUIRE(mprotect(memory, kPage, PROT_READ | PROT_WRITE) == 0);
  on_first.wait_for_passes(1);
  on_second.wait_for_passes(1);
  REQUIRE(log.count("9", " 50f7 1") == 1 && log.count("9", " 50f8 1") == 0);
  REQUIRE(on_first.mismatches() == 0 && on_second.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
  REQUIRE(close(second) == 0);
}

/// Job B on device 1 waits for the event of job A on device 0.
PROCESS_BODY(events_reach_across_devices) {
  std::uint64_t* go = shared_word();
  std::uint64_t* sum = shared_word();
  const hipStream_t first = stream_on(0);
  const hipStream_t second = stream_on(1);
  hipEvent_t a_ended = nullptr;
  REQUIRE_HIP(hipEventCreate(&a_ended));
  const auto device_of = [](std::uint64_t* word) {
    void* device_word = nullptr;
    REQUIRE_HIP(hipHostGetDevicePointer(&device_word, word, 0));
    return static_cast<std::uint64_t*>(device_word);
  };
  launch_relay(first, {device_of(sum), device_of(go), 1, 3});
  REQUIRE_HIP(hipEventRecord(a_ended, first));
  REQUIRE_HIP(hipStreamWaitEvent(second, a_ended, 0));
  launch_relay(second, {device_of(sum), device_of(go), 0, 4});
  REQUIRE(hipStreamQuery(second) == hipErrorNotReady);
  REQUIRE(load_word(sum) == 0);
  // hipDeviceSynchronize is about the current device: B's, which cannot end before A.
  __atomic_store_n(go, 1, __ATOMIC_RELEASE);
  REQUIRE_HIP(hipDeviceSynchronize());
  REQUIRE_HIP(hipEventQuery(a_ended));
  REQUIRE(load_word(sum) == 7);
}

/// context.md's position 5: the notifier waits for B on device 1, B for A on device 0.
PROCESS_BODY(a_notifier_waits_for_the_fence_chain) {
  DriverLog log;
  char* memory = map_memory(kSize);
  std::memset(memory, 0, kSize);
  std::uint64_t* words = register_memory(memory, kSize);
  std::uint64_t* go = shared_word();
  const hipStream_t first = stream_on(0);
  const hipStream_t second = stream_on(1);
  hipEvent_t a_ended = nullptr;
  REQUIRE_HIP(hipEventCreate(&a_ended));
  launch_relay(first, {words, go, 1, 3});
  REQUIRE_HIP(hipEventRecord(a_ended, first));
  REQUIRE_HIP(hipStreamWaitEvent(second, a_ended, 0));
  launch_relay(second, {words, go, 0, 4});
  std::uint64_t seen = 0;
  std::thread changing([memory, &seen] {
    REQUIRE(mprotect(memory, kPage, PROT_READ) == 0);
    seen = load_word(reinterpret_cast<std::uint64_t*>(memory));
  });
  log.wait_for("9", 1, " 50f7 1");
  REQUIRE(hipStreamQuery(second) == hipErrorNotReady);
  __atomic_store_n(go, 1, __ATOMIC_RELEASE);
  changing.join();
  REQUIRE(seen == 7);  // both jobs had ended when the call came back
  REQUIRE(mprotect(memory, kPage, PROT_READ | PROT_WRITE) == 0);
  log.wait_for("a", 1, " 50f7");
  REQUIRE(log.accusations() == 0);
}

/// A second process with a device of its own: told through pipes what to do.
PROCESS_BODY(two_processes) {
  int to_second[2];
  int from_second[2];
  REQUIRE(pipe(to_second) == 0 && pipe(from_second) == 0);
  const pid_t pid = fork();  // before either has a device
  REQUIRE(pid >= 0);
  char byte = 'x';
  if (pid == 0) {
    DriverLog log;
    char* memory = map_memory(kSize);
    RunningKernel kernel(register_memory(memory, kSize), kWords);
    REQUIRE(write(from_second[1], &byte, 1) == 1);
    REQUIRE(read(to_second[0], &byte, 1) == 1);  // the first process has invalidated meanwhile
    kernel.wait_for_passes(2);
    REQUIRE(log.count("9") == 0 && log.count("a") == 0);
    REQUIRE(kernel.mismatches() == 0);
    kernel.stop();
    _exit(0);
  }
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  REQUIRE(read(from_second[0], &byte, 1) == 1);
  REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
  log.wait_for("a", 1, " 50f7");
  REQUIRE(write(to_second[1], &byte, 1) == 1);
  int status = -1;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Environment two_devices(Environment more = {}) {
  more.insert({{"SOFTGPU_DEVICES", "2"}, {"SOFTGPU_VRAM", "1M"}, {"SOFTGPU_WAVES", "2"}});
  return more;
}

TEST(Devices, EachHasItsOwnMemory) {
  expect_passed(run_process("each_device_has_its_own_memory", two_devices()));
}
TEST(Devices, OneInvalidationStopsBoth) {
  expect_passed(run_process("one_invalidation_stops_both_devices", two_devices()));
}
TEST(Devices, EventsReachAcross) {
  expect_passed(run_process("events_reach_across_devices", two_devices()));
}
TEST(Devices, ANotifierWaitsForTheFenceChain) {
  expect_passed(
      run_process("a_notifier_waits_for_the_fence_chain", two_devices({{"SOFTGPU_CWSR", "0"}})));
}
TEST(Devices, ASecondProcessIsNotTouched) { expect_passed(run_process("two_processes")); }

}  // namespace
}  // namespace softgpu_test
