// SPDX-License-Identifier: MIT
// A thread inside malloc or free holds its lock while it makes a memory call. Whoever works for the
// call's end must not need that lock: supervisor, restore worker, fault server, waves.
#include "held_malloc.hpp"

#include <hip/hip_runtime.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "device_primitives.hpp"
#include "memory_operations.hpp"
#include "test_device.hpp"

namespace softgpu_test {
namespace {

constexpr char kNameVariable[] = "SOFTGPU_TEST_HELD_OPERATION";
constexpr std::size_t kSize = 64 * kPage;

PROCESS_BODY(operate_inside_malloc) {
  perform_operation(std::getenv(kNameVariable), {.begin = hold_malloc, .end = release_malloc});
}

class InsideMalloc : public testing::TestWithParam<MemoryOperation> {};

TEST_P(InsideMalloc, NobodyElseAllocates) {
  const ProcessResult result =
      run_process("operate_inside_malloc", {{kNameVariable, std::string(GetParam().name)}});
  if (result.exit_status == kSkipStatus) {
    GTEST_SKIP() << result.output;
  }
  EXPECT_TRUE(result.passed()) << result.output;
}

std::vector<MemoryOperation> seen_operations() {
  std::vector<MemoryOperation> seen;
  for (const MemoryOperation& operation : memory_operations()) {
    if (operation.sight == Sight::kSeen) {
      seen.push_back(operation);
    }
  }
  return seen;
}

INSTANTIATE_TEST_SUITE_P(Seen, InsideMalloc, testing::ValuesIn(seen_operations()),
                         [](const auto& tested) {
                           std::string name;
                           for (const char letter : tested.param.name) {
                             name += std::isalnum(static_cast<unsigned char>(letter)) != 0 ? letter
                                                                                           : '_';
                           }
                           return name;
                         });

PROCESS_TEST(InsideMallocWithRetryFaults, NobodyElseAllocates) {
  ask_for_retry_faults();
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(reinterpret_cast<std::uint64_t*>(memory), kSize / 8);
  const std::size_t faults = log.count("8");
  hold_malloc();
  REQUIRE(madvise(memory, kSize, MADV_DONTNEED) == 0);
  log.wait_for("8", faults + 1);
  kernel.wait_for_passes(3);
  release_malloc();
  REQUIRE(log.count("b") != 0);
  REQUIRE(log.accusations() == 0);
}

struct GatedJobArguments {
  std::uint64_t* words;
  std::uint64_t* gate;
  std::uint64_t* begun;
  std::uint64_t* ended;
};

__global__ void gated_job(GatedJobArguments job) {
  using namespace notifier::device;
  store(job.begun, 1);
  while (load_acquire(job.gate) == 0) {
    clock_ticks();
  }
  store(job.words, load(job.words) + 1);
  store(job.ended, load(job.ended) + 1);
}
NOTIFIER_KERNEL(gated_job, GatedJobArguments)

/// glibc's fork holds the allocator's locks (__malloc_fork_lock_parent) while the notifier has it
/// wait for the jobs that were submitted before: three of them, of which two have yet to begin.
PROCESS_BODY(fork_inside_malloc_waits_for_jobs) {
  char* memory = map_memory(kSize);
  void* control = nullptr;
  REQUIRE(hipHostMalloc(&control, 3 * sizeof(std::uint64_t), hipHostMallocDefault) == hipSuccess);
  auto* words = static_cast<std::uint64_t*>(control);
  GatedJobArguments arguments{register_memory(memory, kSize), words, words + 1, words + 2};
  void* parameters[] = {&arguments};
  hipStream_t stream = nullptr;
  REQUIRE(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking) == hipSuccess);
  constexpr std::uint64_t kJobs = 3;
  for (std::uint64_t job = 0; job < kJobs; ++job) {
    REQUIRE(hipLaunchKernel(reinterpret_cast<const void*>(&gated_job), dim3(1), dim3(1), parameters,
                            0, stream) == hipSuccess);
  }
  while (load_word(arguments.begun) == 0) {
    sched_yield();
  }
  hold_malloc();
  __atomic_store_n(arguments.gate, 1, __ATOMIC_RELEASE);
  const pid_t child = fork();
  if (child == 0) {
    _exit(0);
  }
  const std::uint64_t ended = load_word(arguments.ended);
  release_malloc();
  REQUIRE(child > 0);
  REQUIRE(ended == kJobs);
  REQUIRE(hipStreamSynchronize(stream) == hipSuccess);
  REQUIRE(waitpid(child, nullptr, 0) == child);
}

TEST(InsideMallocWhereTheDeviceWaitsForJobs, SubmittedJobsNeedNoAllocator) {
  const ProcessResult result =
      run_process("fork_inside_malloc_waits_for_jobs",
                  {{"SOFTGPU_CWSR", "0"}, {"SOFTGPU_WAIT_LIMIT_MS", "100000"}});
  EXPECT_TRUE(result.passed()) << result.output;
}

/// The proof can fail: a thread that allocates is found and named.
PROCESS_BODY(allocate_beside_a_held_malloc) {
  std::atomic<bool> held{false};
  std::thread other([&held] {
    pthread_setname_np(pthread_self(), "somebody");
    while (!held.load()) {
    }
    std::make_unique<std::string>(100, 'x')->clear();
  });
  hold_malloc();
  held.store(true);
  other.join();
}

TEST(HeldMalloc, NamesWhoeverAllocates) {
  const ProcessResult result = run_process("allocate_beside_a_held_malloc");
  EXPECT_EQ(result.signal, SIGABRT);
  EXPECT_NE(result.output.find("thread somebody calls malloc"), std::string::npos) << result.output;
}

}  // namespace
}  // namespace softgpu_test
