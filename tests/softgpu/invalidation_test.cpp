// SPDX-License-Identifier: MIT
// The notifier on the real kernel: what evicts, what does not, how it is put right again.
#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "process_test.hpp"
#include "test_device.hpp"

extern char** environ;

namespace softgpu_test {
namespace {

constexpr int kAdviceCollapse = 25;  // MADV_COLLAPSE, Linux 6.1; not in glibc 2.36
constexpr std::size_t kPages = 16;
constexpr std::size_t kSize = kPages * kPage;
constexpr std::size_t kWords = kSize / 8;
constexpr std::size_t kWordsPerPage = kPage / 8;

const std::string kEvictedUserptr = " 50f7 1";
const std::string kEvictedSvm = " 50f7 0";
const std::string kRestored = " 50f7";
const std::string kRescheduled = " 50f7 R";

char* managed_memory() {
  void* memory = nullptr;
  REQUIRE_HIP(hipMallocManaged(&memory, kSize, hipMemAttachGlobal));
  std::memset(memory, 1, kSize);
  return static_cast<char*>(memory);
}

/// The kernel has found zeros in so many words once, and nothing else wrong. The word at which it
/// was stopped counts twice if it had just been stored, and not at all if it was about to be.
bool is_lost_once(const RunningKernel& kernel, std::size_t words) {
  return kernel.mismatches() == kernel.zeros() && kernel.zeros() + 1 >= words &&
         kernel.zeros() <= words + 1;
}

PROCESS_TEST(Invalidation, DontneedEvictsAndRestoresUserptr) {
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  REQUIRE(madvise(memory + kPage, kPage, MADV_DONTNEED) == 0);
  log.wait_for("9", 1, kEvictedUserptr);
  log.wait_for("a", 1, kRestored);
  kernel.wait_for_passes(3);
  REQUIRE(is_lost_once(kernel, kWordsPerPage));
  REQUIRE(log.accusations() == 0);
  // Both sides look at the same new page.
  kernel.stop();
  REQUIRE(reinterpret_cast<std::uint64_t*>(memory)[kWordsPerPage] == kernel.passes());
}

PROCESS_TEST(Invalidation, DeviceIsStoppedWhileEvicted) {
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  // Nothing can be restored while the memory may not be written.
  REQUIRE(mprotect(memory, kPage, PROT_READ) == 0);
  log.wait_for("a", 3, kRescheduled);
  const std::uint64_t passes = kernel.passes();
  const std::uint64_t clock = load_word(&kernel.control().last_clock_ticks);
  log.wait_for("a", 6, kRescheduled);
  REQUIRE(kernel.passes() == passes);
  REQUIRE(load_word(&kernel.control().last_clock_ticks) == clock);
  REQUIRE(log.count("a", kRestored) == 0);
  REQUIRE(log.count("9") == 1);

  REQUIRE(mprotect(memory, kPage, PROT_READ | PROT_WRITE) == 0);
  log.wait_for("a", 1, kRestored);
  kernel.wait_for_passes(2);
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.count("9") == 1);  // the second mprotect came while evicted: counted only
  REQUIRE(log.accusations() == 0);
}

// kfd_facts §0.17: nothing is resumed while one range of the process fails.
PROCESS_TEST(Invalidation, ARangeThatFailsHoldsBackTheOthers) {
  DriverLog log;
  char* failing = map_memory(kSize);
  register_memory(failing, kSize);
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  REQUIRE(mprotect(failing, kPage, PROT_READ) == 0);
  REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
  const std::size_t before = log.count("a", kRescheduled);
  log.wait_for("a", before + 3, kRescheduled);
  REQUIRE(log.count("a", kRestored) == 0);
  const std::uint64_t passes = kernel.passes();
  log.wait_for("a", before + 6, kRescheduled);
  REQUIRE(kernel.passes() == passes);

  REQUIRE(mprotect(failing, kPage, PROT_READ | PROT_WRITE) == 0);
  log.wait_for("a", 1, kRestored);
  kernel.wait_for_passes(2);
  REQUIRE(is_lost_once(kernel, kWordsPerPage));
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(Invalidation, HoleLeavesTheWholeUserptrPageless) {
  DriverLog log;
  char* memory = map_memory(kSize);
  register_memory(memory, kSize);
  char* other = map_memory(kSize);
  RunningKernel kernel(register_memory(other, kSize), kWords);
  REQUIRE(munmap(memory + kPage, kPage) == 0);
  log.wait_for("9", 1, kEvictedUserptr);
  log.wait_for("a", 1, kRestored);
  kernel.wait_for_passes(2);
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
  kernel.stop();
  REQUIRE_HIP(hipHostUnregister(memory));
}

PROCESS_TEST(Invalidation, FilledHoleIsValidatedAgain) {
  DriverLog log;
  char* memory = map_memory(kSize);
  std::uint64_t* device_words = register_memory(memory, kSize);
  REQUIRE(munmap(memory + kPage, kPage) == 0);
  log.wait_for("a", 1, kRestored);
  REQUIRE(mmap(memory + kPage, kPage, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory + kPage);
  log.wait_for("a", 2, kRestored);
  RunningKernel kernel(device_words, kWords);
  kernel.wait_for_passes(2);
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(Invalidation, ProtectNoneIsAHole) {
  DriverLog log;
  char* memory = map_memory(kSize);
  std::uint64_t* device_words = register_memory(memory, kSize);
  REQUIRE(mprotect(memory, kSize, PROT_NONE) == 0);
  log.wait_for("a", 1, kRestored);
  REQUIRE(mprotect(memory, kSize, PROT_READ | PROT_WRITE) == 0);
  log.wait_for("9", 2, kEvictedUserptr);
  log.wait_for("a", 2, kRestored);
  RunningKernel kernel(device_words, kWords);
  kernel.wait_for_passes(2);
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(Invalidation, MapFixedReplacesTheMemoryUnderTheKernel) {
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  map_fresh_memory_over(memory, kSize);
  log.wait_for("a", 1, kRestored);
  kernel.wait_for_passes(3);
  REQUIRE(is_lost_once(kernel, kWords));
  REQUIRE(log.accusations() == 0);
  kernel.stop();
  REQUIRE(load_word(reinterpret_cast<std::uint64_t*>(memory)) == kernel.passes());
}

PROCESS_TEST(Invalidation, ManagedMemoryIsAnSvmRange) {
  DriverLog log;
  char* memory = managed_memory();
  RunningKernel kernel(reinterpret_cast<std::uint64_t*>(memory), kWords);
  REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
  log.wait_for("9", 1, kEvictedSvm);
  log.wait_for("a", 1, kRestored);
  kernel.wait_for_passes(3);
  REQUIRE(is_lost_once(kernel, kWordsPerPage));
  REQUIRE(log.accusations() == 0);
  kernel.stop();
  REQUIRE_HIP(hipFree(memory));
}

PROCESS_TEST(Invalidation, SvmUnmapTakesThePagesWithoutStoppingQueues) {
  DriverLog log;
  char* memory = managed_memory();
  RunningKernel kernel(reinterpret_cast<std::uint64_t*>(memory), kWords);
  kernel.stay_within(0, 8 * kWordsPerPage);
  REQUIRE(munmap(memory + 8 * kPage, 8 * kPage) == 0);
  kernel.wait_for_passes(2);
  REQUIRE(log.count("9") == 0);
  char expected[64];
  std::snprintf(expected, sizeof(expected), " @%lx(8) 50f7 2",
                reinterpret_cast<unsigned long>(memory + 8 * kPage) / kPage);
  REQUIRE(log.count("b", expected) == 1);
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
  kernel.stop();
  // Somebody else's mapping there is no business of hipFree.
  void* later = mmap(memory + 8 * kPage, kPage, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  REQUIRE(later == memory + 8 * kPage);
  REQUIRE_HIP(hipFree(memory));
  std::memset(later, 1, kPage);
}

PROCESS_TEST(Invalidation, PartlyUnmappedSvmRangeIsRestoredWhereItIsLeft) {
  DriverLog log;
  char* memory = managed_memory();
  RunningKernel kernel(reinterpret_cast<std::uint64_t*>(memory), kWords);
  kernel.stay_within(0, 4 * kWordsPerPage);
  REQUIRE(munmap(memory + 8 * kPage, 4 * kPage) == 0);
  REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
  log.wait_for("a", 1, kRestored);
  kernel.stay_within(12 * kWordsPerPage, 16 * kWordsPerPage);
  kernel.wait_for_passes(2);
  REQUIRE(kernel.mismatches() == kernel.zeros());
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(Invalidation, ReadOnlySvmRangeIsRestoredForReading) {
  DriverLog log;
  char* memory = managed_memory();
  char* other = map_memory(kSize);
  RunningKernel kernel(register_memory(other, kSize), kWords);
  REQUIRE(mprotect(memory, kSize, PROT_READ) == 0);
  log.wait_for("9", 1, kEvictedSvm);
  log.wait_for("a", 1, kRestored);
  kernel.wait_for_passes(2);
  REQUIRE(log.count("a", kRescheduled) == 0);
  REQUIRE(log.accusations() == 0);
  std::uint64_t word = 0;
  kernel.stop();
  REQUIRE_HIP(hipMemcpy(&word, memory, sizeof(word), hipMemcpyDefault));
  REQUIRE(word == 0x0101010101010101u);
}

PROCESS_TEST(Invalidation, MremapMovesTheMemoryAwayFromTheDevice) {
  DriverLog log;
  char* memory = map_memory(kSize);
  register_memory(memory, kSize);
  char* target = map_memory(kSize);
  REQUIRE(mremap(memory, kSize, kSize, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
  log.wait_for("9", 1, kEvictedUserptr);
  log.wait_for("a", 1, kRestored);
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(Invalidation, MremapThatGrowsInPlaceDoesNotEvict) {
  DriverLog log;
  char* memory = map_memory(2 * kSize);
  register_memory(memory, kSize);
  REQUIRE(munmap(memory + kSize, kSize) == 0);
  REQUIRE(mremap(memory, kSize, kSize + kPage, MREMAP_MAYMOVE) == memory);
  REQUIRE(log.count("9") == 0);
}

PROCESS_TEST(Invalidation, CollapseMovesPagesUnderTheKernel) {
  constexpr std::size_t kHuge = 2 << 20;
  DriverLog log;
  char* area = map_memory(2 * kHuge);
  char* memory = area + (kHuge - reinterpret_cast<std::uintptr_t>(area) % kHuge) % kHuge;
  RunningKernel kernel(register_memory(memory, kHuge), kHuge / 8);
  if (madvise(memory, kHuge, kAdviceCollapse) != 0) {
    kernel.stop();
    skip_process("the kernel cannot collapse pages here: " + std::string(std::strerror(errno)));
  }
  log.wait_for("9", 1, kEvictedUserptr);
  log.wait_for("a", 1, kRestored);
  kernel.wait_for_passes(2);
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(Invalidation, NeighboursAndHarmlessCallsDoNotEvict) {
  DriverLog log;
  char* area = map_memory(3 * kSize);
  char* memory = area + kSize;
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  REQUIRE(madvise(area, kSize, MADV_DONTNEED) == 0);
  REQUIRE(mprotect(area, kSize, PROT_READ) == 0);
  REQUIRE(munmap(area, kSize) == 0);
  REQUIRE(mprotect(memory + kSize, kSize, PROT_NONE) == 0);
  REQUIRE(munmap(memory + kSize, kSize) == 0);
  REQUIRE(madvise(memory, kSize, MADV_WILLNEED) == 0);
  REQUIRE(madvise(memory, kSize, MADV_COLD) == 0);
  void* block = malloc(1 << 20);
  REQUIRE(block != nullptr);
  free(block);
  kernel.wait_for_passes(2);
  REQUIRE(log.count("9") == 0);
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(Invalidation, VforkAndSpawnDoNotEvict) {
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  char program[] = "true";
  char* arguments[] = {program, nullptr};
  pid_t child = -1;
  REQUIRE(posix_spawnp(&child, program, nullptr, nullptr, arguments, environ) == 0);
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  kernel.wait_for_passes(2);
  REQUIRE(log.count("9") == 0);
  REQUIRE(kernel.mismatches() == 0);
}

PROCESS_TEST(Invalidation, BothKindsOfMemoryEvictAndRestoreByThemselves) {
  DriverLog log;
  char* memory = map_memory(kSize);
  char* managed = managed_memory();
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  REQUIRE(mprotect(memory, kPage, PROT_READ) == 0);
  REQUIRE(madvise(managed, kPage, MADV_DONTNEED) == 0);
  log.wait_for("9", 1, kEvictedUserptr);
  log.wait_for("9", 1, kEvictedSvm);
  log.wait_for("a", 1, kRestored);  // of the SVM range
  const std::uint64_t passes = kernel.passes();
  log.wait_for("a", 3, kRescheduled);
  REQUIRE(kernel.passes() == passes);  // the userptr still holds the queues
  REQUIRE(mprotect(memory, kPage, PROT_READ | PROT_WRITE) == 0);
  log.wait_for("a", 2, kRestored);
  kernel.wait_for_passes(2);
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(Invalidation, EvictionLineComesBeforeTheStop) {
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  REQUIRE(mprotect(memory, kPage, PROT_READ) == 0);
  log.wait_for("a", 1, kRescheduled);
  const std::string first = log.lines().front();
  REQUIRE(first.starts_with("9 "));
  const std::uint64_t evicted_ns = std::stoull(first.substr(2));
  timespec boot{};
  timespec raw{};
  clock_gettime(CLOCK_BOOTTIME, &boot);
  clock_gettime(CLOCK_MONOTONIC_RAW, &raw);
  REQUIRE(evicted_ns < static_cast<std::uint64_t>(boot.tv_sec) * 1'000'000'000 +
                           static_cast<std::uint64_t>(boot.tv_nsec));
  REQUIRE(mprotect(memory, kPage, PROT_READ | PROT_WRITE) == 0);
}

PROCESS_TEST(Invalidation, ManyInARowLeaveNothingWrong) {
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  constexpr int kRounds = 300;
  for (int round = 0; round < kRounds; ++round) {
    REQUIRE(mprotect(memory + (round % 16) * kPage, kPage, PROT_READ | PROT_WRITE | PROT_EXEC) ==
            0);
    REQUIRE(mprotect(memory + (round % 16) * kPage, kPage, PROT_READ | PROT_WRITE) == 0);
    if (round % 10 == 0) {
      kernel.wait_for_passes(1);
    }
  }
  kernel.wait_for_passes(2);
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(Invalidation, RegistrationFollowsTheNewestMapping) {
  // Registering while the memory changes under it: the device must end up with what is there.
  DriverLog log;
  char* memory = map_memory(kSize);
  for (int round = 0; round < 20; ++round) {
    register_memory(memory, kSize);
    REQUIRE(madvise(memory, kSize, MADV_DONTNEED) == 0);
    REQUIRE_HIP(hipHostUnregister(memory));
  }
  REQUIRE(log.accusations() == 0);
}

}  // namespace
}  // namespace softgpu_test
