// SPDX-License-Identifier: MIT
// A thread inside malloc or free holds its lock while it makes a memory call. Whoever works for the
// call's end must not need that lock: supervisor, restore worker, fault server, waves.
#include "held_malloc.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include <atomic>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

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
