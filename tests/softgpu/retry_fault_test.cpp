// SPDX-License-Identifier: MIT
// Retry faults (HSA_XNACK=1): queues run on, waves fault where pages are gone (kfd_facts §2).
#include <hsakmt.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

#include "order_executor.hpp"
#include "process_test.hpp"
#include "softgpu/api/softgpu_control.h"
#include "test_device.hpp"

namespace softgpu_test {
namespace {

constexpr std::size_t kSize = 64 * kPage;
constexpr std::size_t kWords = kSize / 8;
constexpr std::size_t kHalfPages = 32;
const std::string kEviction = "9";
const std::string kFaultStart = "7";
const std::string kFaultEnd = "8";
const std::string kUnmap = "b";

std::uint64_t* words_of(void* memory) { return static_cast<std::uint64_t*>(memory); }

/// A process with retry faults and a kernel on memory that no HIP call has seen.
struct OnSystemMemory {
  void finish(bool may_see_zeros = false) {
    kernel.stop();
    REQUIRE(may_see_zeros ? kernel.mismatches() == kernel.zeros() : kernel.mismatches() == 0);
    REQUIRE(log.count(kEviction) == 0);
    REQUIRE(log.count(kFaultStart) == log.count(kFaultEnd));
    softgpu_audit_now();
    REQUIRE(log.accusations() == 0);
  }

  const bool asked = (ask_for_retry_faults(), true);  // before the members that start the device
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel{words_of(memory), kWords};
};

std::string pages_at(const char* begin, std::size_t pages) {
  char text[64];
  std::snprintf(text, sizeof(text), " @%lx(%zx) 50f7 ",
                reinterpret_cast<unsigned long>(begin) / kPage, pages);
  return text;
}

/// Time stamp of the line number `index` with this id.
std::uint64_t stamp(DriverLog& log, const std::string& id, std::size_t index) {
  for (const std::string& line : log.lines()) {
    if (line.starts_with(id + " ") && index-- == 0) {
      return std::stoull(line.substr(id.size() + 1));
    }
  }
  REQUIRE(index == SIZE_MAX);  // there is no such line
  return 0;
}

PROCESS_TEST(RetryFault, SystemMemoryComesByFaults) {
  OnSystemMemory on;
  on.kernel.wait_for_passes(2);
  REQUIRE(on.log.count(kFaultStart) >= 1);
  const std::size_t faults = on.log.count(kFaultStart);
  on.kernel.wait_for_passes(2);
  REQUIRE(on.log.count(kFaultStart) == faults);  // valid pages do not fault
  on.finish();
  REQUIRE(load_word(words_of(on.memory)) == on.kernel.passes());
}

PROCESS_TEST(RetryFault, InvalidationTakesTheNamedPagesOnly) {
  OnSystemMemory on;
  on.kernel.stay_within(0, kWords / 2);
  const std::size_t faults = on.log.count(kFaultStart);
  char* half = on.memory + kHalfPages * kPage;
  REQUIRE(madvise(half, kHalfPages * kPage, MADV_DONTNEED) == 0);
  on.log.wait_for(kUnmap, 1, pages_at(half, kHalfPages) + "0");
  on.kernel.wait_for_passes(3);
  REQUIRE(on.log.count(kFaultStart) == faults);
  on.kernel.stay_within(0, kWords);
  REQUIRE(on.log.count(kFaultStart) > faults);
  on.finish();
}

PROCESS_TEST(RetryFault, DontneedIsRepairedUnderTheKernel) {
  OnSystemMemory on;
  for (std::size_t round = 0; round < 20; ++round) {
    const std::size_t faults = on.log.count(kFaultEnd);
    REQUIRE(madvise(on.memory + round * kPage, kPage, MADV_DONTNEED) == 0);
    on.log.wait_for(kFaultEnd, faults + 1);
    on.kernel.wait_for_passes(1);
  }
  REQUIRE(on.kernel.zeros() > 0);
  on.finish(true);
}

PROCESS_TEST(RetryFault, FaultInTheWindowAfterValidationWaits) {
  OnSystemMemory on;
  constexpr std::uint64_t kWindowNs = 2'000'000;  // AMDGPU_SVM_RANGE_RETRY_FAULT_PENDING
  for (std::size_t round = 1; round <= 10; ++round) {
    const std::size_t before = on.log.count(kFaultEnd);
    REQUIRE(madvise(on.memory, kPage, MADV_DONTNEED) == 0);
    on.log.wait_for(kFaultEnd, before + 1);
    // Validation lies between the lines, so this difference is the least that can be said.
    REQUIRE(stamp(on.log, kFaultEnd, before) - stamp(on.log, kFaultStart, before - 1) >= kWindowNs);
  }
  on.finish(true);
}

PROCESS_TEST(RetryFault, ForkDoesNotStopQueuesAndKeepsTheChildApart) {
  OnSystemMemory on;
  on.kernel.wait_for_passes(1);
  const std::size_t faults = on.log.count(kFaultEnd);
  HeldChild child(HeldChild::Made::kByLibc, [&] {
    const std::uint64_t newest = load_word(words_of(on.memory));
    for (std::size_t word = 0; word < kWords; ++word) {
      const std::uint64_t value = load_word(words_of(on.memory) + word);
      if (value != newest && value != newest - 1) {
        return 1;
      }
    }
    return 0;
  });
  on.log.wait_for(kFaultEnd, faults + 1);
  on.kernel.wait_for_passes(5);
  REQUIRE(child.finish() == 0);
  on.finish();
}

/// The child gets its copy while a first fault takes the page in, in each order of the two.
PROCESS_TEST(RetryFault, ForkHearsOfMemoryThatIsJustTakenIn) {
  constexpr unsigned kRounds = 240;
  constexpr unsigned kPhases = 80;  // of some hundred nanoseconds each: a fault takes less in all
  ask_for_retry_faults();
  DriverLog log;
  OrderExecutor executor(false);
  for (unsigned round = 1; round <= kRounds; ++round) {
    std::uint64_t* word = words_of(map_memory(kPage));
    const std::uint64_t value = round;
    const std::uint64_t before = load_word(word);
    executor.begin_store(reinterpret_cast<std::uint64_t>(word), {&value, 1});
    for (volatile unsigned turn = 0; turn < round % kPhases * 100;) {
      turn = turn + 1;
    }
    HeldChild child(HeldChild::Made::kByLibc, [&] {
      const std::uint64_t seen = load_word(word);
      return seen == before || seen == value ? 0 : 1;
    });
    executor.wait();
    __atomic_store_n(word, value + 1, __ATOMIC_RELEASE);  // no longer in the child's page
    softgpu_audit_now();
    REQUIRE(log.accusations() == 0);
    REQUIRE(executor.load(reinterpret_cast<std::uint64_t>(word)) == value + 1);
    REQUIRE(child.finish() == 0);
  }
  executor.stop();
}

PROCESS_TEST(RetryFault, UserptrStillStopsQueues) {
  ask_for_retry_faults();
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
  log.wait_for(kEviction, 1, " 50f7 1");
  log.wait_for("a", 1, " 50f7");
  kernel.wait_for_passes(1);
  REQUIRE(log.count(kUnmap) == 0);
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(RetryFault, ManagedMemoryIsMappedByItsFirstFault) {
  ask_for_retry_faults();
  DriverLog log;
  void* memory = nullptr;
  REQUIRE_HIP(hipMallocManaged(&memory, kSize, hipMemAttachGlobal));
  REQUIRE(log.count(kFaultStart) == 0);
  RunningKernel kernel(words_of(memory), kWords);
  REQUIRE(log.count(kFaultStart) == 1);
  REQUIRE(madvise(memory, kSize, MADV_DONTNEED) == 0);
  log.wait_for(kFaultEnd, 2);
  kernel.wait_for_passes(2);
  REQUIRE(log.count(kEviction) == 0);
  kernel.stop();
  REQUIRE(kernel.mismatches() == kernel.zeros());
  REQUIRE(log.accusations() == 0);
  REQUIRE_HIP(hipFree(memory));
}

PROCESS_TEST(RetryFault, MemoryMappedOverARangeIsTakenIn) {
  OnSystemMemory on;
  const std::size_t faults = on.log.count(kFaultEnd);
  map_fresh_memory_over(on.memory, kSize);
  on.log.wait_for(kUnmap, 1, pages_at(on.memory, kSize / kPage) + "2");
  on.log.wait_for(kFaultEnd, faults + 1);
  on.kernel.wait_for_passes(2);
  on.finish(true);
}

PROCESS_TEST(RetryFault, RangesEndWithTheirMappings) {
  OnSystemMemory on;
  on.kernel.stay_within(0, 8);
  for (int round = 0; round < 200; ++round) {
    char* other = map_memory(4 * kPage);
    RunningKernel visitor(words_of(other), 4 * kPage / 8);
    visitor.stop();
    REQUIRE(visitor.mismatches() == 0);
    REQUIRE(munmap(other, 4 * kPage) == 0);
    on.log.count(kUnmap);  // reads the lines: the driver's queue is short
  }
  on.finish();
}

PROCESS_TEST(RetryFault, ProtectionIsFollowedBothWays) {
  OnSystemMemory on;
  on.kernel.stay_within(0, kWords / 2);
  char* half = on.memory + kHalfPages * kPage;
  REQUIRE(mprotect(half, kHalfPages * kPage, PROT_READ) == 0);
  on.kernel.wait_for_passes(2);
  REQUIRE(mprotect(half, kHalfPages * kPage, PROT_READ | PROT_WRITE) == 0);
  on.kernel.stay_within(0, kWords);
  on.kernel.wait_for_passes(2);
  on.finish();
}

PROCESS_TEST(RetryFault, ModeIsAskedForBeforeTheFirstQueue) {
  int attribute = -1;
  HSAint32 mode = -1;
  REQUIRE(hsaKmtOpenKFD() == HSAKMT_STATUS_SUCCESS);
  REQUIRE(hsaKmtSetXNACKMode(1) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(hsaKmtGetXNACKMode(&mode) == HSAKMT_STATUS_SUCCESS);
  REQUIRE(mode == 1);
  REQUIRE_HIP(hipDeviceGetAttribute(&attribute, hipDeviceAttributePageableMemoryAccess, 0));
  REQUIRE(attribute == 1);
  RunningKernel kernel(words_of(map_memory(kSize)), kWords);
  REQUIRE(hsaKmtSetXNACKMode(0) == HSAKMT_STATUS_ERROR);
  REQUIRE(hsaKmtSetXNACKMode(1) == HSAKMT_STATUS_SUCCESS);
}

/// Runs a body that ends in a fatal device fault.
void expect_fatal(const char* body, const char* reason) {
  const ProcessResult result = run_process(body);
  EXPECT_EQ(result.signal, SIGABRT) << result.output;
  EXPECT_NE(result.output.find("memory access fault by device 0"), std::string::npos)
      << result.output;
  EXPECT_NE(result.output.find(reason), std::string::npos) << result.output;
}

/// Waits for the end that the fault brings.
[[noreturn]] void wait_for_the_fault() {
  for (;;) {
    pause();
  }
}

PROCESS_BODY(touches_unmapped_memory) {
  OnSystemMemory on;
  munmap(on.memory, kSize);
  wait_for_the_fault();
}

PROCESS_BODY(writes_read_only_memory) {
  OnSystemMemory on;
  mprotect(on.memory, kSize, PROT_READ);
  wait_for_the_fault();
}

PROCESS_BODY(touches_protected_memory) {
  OnSystemMemory on;
  mprotect(on.memory, kSize, PROT_NONE);
  wait_for_the_fault();
}

PROCESS_BODY(touches_registered_memory_by_its_host_address) {
  ask_for_retry_faults();
  char* memory = map_memory(kSize);
  register_memory(memory, kSize);
  RunningKernel kernel(words_of(memory), kWords);
}

TEST(RetryFaultFatal, UnmappedMemory) {
  expect_fatal("touches_unmapped_memory", "page not present");
}

TEST(RetryFaultFatal, WriteToReadOnlyMemory) {
  expect_fatal("writes_read_only_memory", "read-only");
}

TEST(RetryFaultFatal, MemoryWithoutRights) {
  expect_fatal("touches_protected_memory", "page not present");
}

TEST(RetryFaultFatal, HostAddressOfAUserptr) {
  expect_fatal("touches_registered_memory_by_its_host_address", "page not present");
}

PROCESS_BODY(dontneed_with_a_hook_left_out) {
  OnSystemMemory on;
  REQUIRE(madvise(on.memory, kSize, MADV_DONTNEED) == 0);
  on.kernel.wait_for_passes(2);
  on.kernel.stop();
  softgpu_audit_now();
  REQUIRE(on.log.accusations() > 0);
}

TEST(RetryFault, HookLeftOutIsNoticedByTheAudit) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "page frame numbers need CAP_SYS_ADMIN";
  }
  expect_passed(
      run_process("dontneed_with_a_hook_left_out", {{"SOFTGPU_PLANT", "skip_hook:madvise"}}));
}

}  // namespace
}  // namespace softgpu_test
