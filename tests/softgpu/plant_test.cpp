// SPDX-License-Identifier: MIT
// Each planted fault does what its name says, and a self-test can see it.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <sstream>

#include "process_test.hpp"
#include "softgpu/api/softgpu_control.h"
#include "test_device.hpp"

namespace softgpu_test {
namespace {

constexpr std::size_t kSize = 16 * kPage;
constexpr std::size_t kWords = kSize / 8;

ProcessResult run_planted(const char* body, const std::string& plant) {
  return run_process(body, {{"SOFTGPU_PLANT", plant}});
}

/// Waits for damage, which the kernel itself sees.
PROCESS_BODY(wait_for_mismatch) {
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  while (kernel.mismatches() < 3) {
    kernel.wait_for_passes(1);
  }
  std::printf("zeros=%lu observed=%lx\n", kernel.zeros(),
              load_word(&kernel.control().first_observed));
}

TEST(Plant, ZeroReturnsZero) {
  const ProcessResult result = run_planted("wait_for_mismatch", "zero");
  expect_passed(result);
  EXPECT_EQ(result.output.find("zeros=0 "), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("observed=0\n"), std::string::npos) << result.output;
}

TEST(Plant, LostLeavesTheValueBefore) {
  const ProcessResult result = run_planted("wait_for_mismatch", "lost");
  expect_passed(result);
  EXPECT_NE(result.output.find("zeros=0 "), std::string::npos) << result.output;
}

TEST(Plant, TornMixesHalves) {
  // With so much memory the first strike comes in the first pass.
  const ProcessResult result = run_planted("tear_in_first_pass", "torn");
  expect_passed(result);
  EXPECT_NE(result.output.find("observed=ffffffff00000001"), std::string::npos) << result.output;
}

PROCESS_BODY(tear_in_first_pass) {
  constexpr std::size_t kLarge = 4 << 20;
  char* memory = map_memory(kLarge);
  std::memset(memory, 0xFF, kLarge);
  RunningKernel kernel(register_memory(memory, kLarge), kLarge / 8);
  std::printf("observed=%lx\n", load_word(&kernel.control().first_observed));
}

/// The kernel's data must be as the kernel left it, seen from the CPU.
PROCESS_BODY(look_from_the_cpu) {
  DriverLog log;
  char* memory = map_memory(kSize);
  const auto* words = reinterpret_cast<const std::uint64_t*>(memory);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  REQUIRE(madvise(memory + 2 * kPage, kPage, MADV_DONTNEED) == 0);
  log.wait_for("a", 1, " 50f7");
  kernel.wait_for_passes(2);
  kernel.stop();
  std::size_t behind = 0;
  for (std::size_t word = 0; word < kWords; ++word) {
    behind += words[word] != kernel.passes() ? 1 : 0;
  }
  std::printf("behind=%zu first=%d missed=%d\n", behind,
              words[2 * kPage / 8] != kernel.passes() ? 1 : 0, softgpu_audit_now() > 0 ? 1 : 0);
}

TEST(Plant, StaleKeepsTheDeviceOnItsOldPage) {
  const ProcessResult sound = run_planted("look_from_the_cpu", "");
  expect_passed(sound);
  EXPECT_NE(sound.output.find("behind=0 first=0"), std::string::npos) << sound.output;
  const ProcessResult stale = run_planted("look_from_the_cpu", "stale");
  expect_passed(stale);
  EXPECT_NE(stale.output.find("behind=512 first=1"), std::string::npos) << stale.output;
}

/// Exit status 1: the child's memory changed after the fork.
PROCESS_BODY(child_looks_twice) {
  DriverLog log;
  char* memory = map_memory(kSize);
  const auto* words = reinterpret_cast<const volatile std::uint64_t*>(memory);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  HeldChild child(HeldChild::Made::kByLibc, [&] {
    std::uint64_t least = words[0];
    std::uint64_t most = words[0];
    for (std::size_t word = 0; word < kWords; ++word) {
      least = words[word] < least ? words[word] : least;
      most = words[word] > most ? words[word] : most;
    }
    return most - least > 1 ? 1 : 0;
  });
  log.wait_for("a", 1, " 50f7");
  kernel.wait_for_passes(20);
  std::printf("child=%d\n", child.finish());
}

TEST(Plant, ForeignWritesIntoTheChild) {
  const ProcessResult sound = run_planted("child_looks_twice", "");
  expect_passed(sound);
  EXPECT_NE(sound.output.find("child=0"), std::string::npos) << sound.output;
  const ProcessResult foreign = run_planted("child_looks_twice", "foreign");
  expect_passed(foreign);
  EXPECT_NE(foreign.output.find("child=1"), std::string::npos) << foreign.output;
}

PROCESS_BODY(two_owners) {
  char* own = map_memory(kSize);
  char* other = map_memory(kSize);
  register_memory(other, kSize);
  RunningKernel kernel(register_memory(own, kSize), kWords);
  kernel.wait_for_passes(2);
  kernel.stop();
  std::size_t changed = 0;
  for (std::size_t byte = 0; byte < kSize; ++byte) {
    changed += other[byte] != 1 ? 1 : 0;
  }
  std::printf("changed=%zu\n", changed);
}

TEST(Plant, ForeignWritesIntoAnotherOwnersMemory) {
  const ProcessResult sound = run_planted("two_owners", "");
  EXPECT_NE(sound.output.find("changed=0"), std::string::npos) << sound.output;
  const ProcessResult foreign = run_planted("two_owners", "foreign");
  expect_passed(foreign);
  EXPECT_EQ(foreign.output.find("changed=0"), std::string::npos) << foreign.output;
}

PROCESS_BODY(resume_before_restore) {
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
  log.wait_for("a", 1, " 50f7");
  kernel.wait_for_passes(1);
  std::printf("protocol=%zu\n", log.count("32", " 1"));
}

TEST(Plant, EarlyResumeIsAProtocolViolation) {
  const ProcessResult sound = run_planted("resume_before_restore", "");
  EXPECT_NE(sound.output.find("protocol=0"), std::string::npos) << sound.output;
  const ProcessResult early = run_planted("resume_before_restore", "early_resume");
  expect_passed(early);
  EXPECT_EQ(early.output.find("protocol=0"), std::string::npos) << early.output;
}

/// Time from the eviction that a call causes to the restore, from the events' own stamps.
PROCESS_BODY(time_a_restore) {
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
  log.wait_for("a", 1, " 50f7");
  kernel.stop();
  for (const std::string& line : log.lines()) {
    std::printf("%s\n", line.c_str());
  }
}

/// Nanoseconds between the first line with id 9 (queue eviction) and the first with id a (restore).
std::uint64_t stopped_ns(const std::string& plant) {
  const ProcessResult result = run_planted("time_a_restore", plant);
  expect_passed(result);
  std::istringstream lines(result.output);
  std::uint64_t evicted_ns = 0;
  for (std::string line; std::getline(lines, line);) {
    std::uint64_t stamp_ns = 0;
    unsigned id = 0;
    if (std::sscanf(line.c_str(), "%x %lu", &id, &stamp_ns) != 2) continue;
    if (id == 0x9 && evicted_ns == 0) evicted_ns = stamp_ns;
    if (id == 0xa && evicted_ns != 0) return stamp_ns - evicted_ns;
  }
  ADD_FAILURE() << "no eviction and restore in\n" << result.output;
  return 0;
}

TEST(Plant, SlowRestoreKeepsQueuesStoppedLonger) {
  // KFD's restore delay of 1 ms passes before any restore, so 11 ms are the least with this plant.
  EXPECT_GE(stopped_ns("slow_restore:1000"), 11'000'000u);
}

/// Memory that took the place of an SVM range whose mapping has ended: two ranges with the same
/// addresses, and the pages are the younger one's.
PROCESS_BODY(change_memory_in_an_ended_ranges_place) {
  void* ended = nullptr;
  REQUIRE_HIP(hipMallocManaged(&ended, kSize, hipMemAttachGlobal));
  char* memory = static_cast<char*>(ended);
  std::memset(memory, 1, kSize);
  REQUIRE(munmap(memory, kSize) == 0);
  map_fresh_memory_over(memory, kSize);
  std::memset(memory, 2, kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  kernel.wait_for_passes(1);
  DriverLog log;
  REQUIRE(madvise(memory, kSize, MADV_DONTNEED) == 0);
  REQUIRE(madvise(memory, kSize, MADV_POPULATE_WRITE) == 0);  // no write races with the kernel's
  softgpu_audit_now();
  std::printf("accusations=%zu\n", log.accusations());
}

TEST(Plant, ASkippedHookShowsInAnEndedRangesPlace) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "page frame numbers need CAP_SYS_ADMIN";
  }
  const char* const body = "change_memory_in_an_ended_ranges_place";
  const ProcessResult whole = run_planted(body, "");
  expect_passed(whole);
  EXPECT_NE(whole.output.find("accusations=0\n"), std::string::npos) << whole.output;
  const ProcessResult mutated = run_planted(body, "skip_hook:madvise");
  expect_passed(mutated);
  EXPECT_EQ(mutated.output.find("accusations=0\n"), std::string::npos) << mutated.output;
}

}  // namespace
}  // namespace softgpu_test
