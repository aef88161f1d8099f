// SPDX-License-Identifier: MIT
// Forks of both kinds: what they stop, when they end, and who owns which page afterwards.
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "process_test.hpp"
#include "softgpu/api/softgpu_control.h"
#include "test_device.hpp"

namespace softgpu_test {
namespace {

constexpr std::size_t kSize = 64 * kPage;
constexpr std::size_t kWords = kSize / 8;

const std::string kEvictedUserptr = " 50f7 1";
const std::string kRestored = " 50f7";

/// The child's memory must stay as it was at the fork while the kernel goes on in the parent.
void keeps_child_apart(HeldChild::Made made) {
  DriverLog log;
  char* memory = map_memory(kSize);
  const auto* words = reinterpret_cast<const std::uint64_t*>(memory);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  kernel.wait_for_passes(1);
  HeldChild child(made, [&] {
    // The kernel was stopped somewhere in its sweep: one pass before that place, the next behind.
    const std::uint64_t newest = load_word(words);
    for (std::size_t word = 0; word < kWords; ++word) {
      const std::uint64_t value = load_word(words + word);
      if (value != newest && value != newest - 1) {
        return 1;
      }
    }
    return 0;
  });
  log.wait_for("9", 1, kEvictedUserptr);
  log.wait_for("a", 1, kRestored);
  kernel.wait_for_passes(5);
  REQUIRE(child.finish() == 0);
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
  kernel.stop();
  REQUIRE(words[0] == kernel.passes());
}

PROCESS_TEST(Fork, LibcForkKeepsTheChildApart) { keeps_child_apart(HeldChild::Made::kByLibc); }

PROCESS_TEST(Fork, RawForkKeepsTheChildApart) { keeps_child_apart(HeldChild::Made::kBySyscall); }

PROCESS_TEST(Fork, ManyForksThatExitAtOnce) {
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  for (int round = 0; round < 50; ++round) {
    HeldChild(round % 2 == 0 ? HeldChild::Made::kByLibc : HeldChild::Made::kBySyscall).finish();
  }
  kernel.wait_for_passes(2);
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
}

/// No system call of this thread helps to find the end.
void wait_in_user_mode(const RunningKernel& kernel) {
  const std::uint64_t passes = kernel.passes();
  while (kernel.passes() < passes + 2) {
  }
}

PROCESS_TEST(Fork, RawForkWhoseChildIsGoneAtOnceEnds) {
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  for (int round = 0; round < 20; ++round) {
    const auto child = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    if (child == 0) {
      _exit(0);
    }
    REQUIRE(waitpid(child, nullptr, 0) == child);
    wait_in_user_mode(kernel);
  }
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(Fork, RawForkWithoutAnyTraceEnds) {
  // Nobody reaps the child, so not even its page faults are left.
  signal(SIGCHLD, SIG_IGN);
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  for (int round = 0; round < 20; ++round) {
    if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0) {
      _exit(0);
    }
    wait_in_user_mode(kernel);
  }
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(Fork, FailedRawForkEnds) {
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  // CLONE_SIGHAND without CLONE_VM: refused (clone(2)).
  REQUIRE(syscall(SYS_clone, SIGCHLD | CLONE_SIGHAND, 0, 0, 0, 0) == -1);
  REQUIRE(errno == EINVAL);
  log.wait_for("a", 1, kRestored);  // sleeps in poll(): the thread is seen elsewhere
  kernel.wait_for_passes(2);
  REQUIRE(kernel.mismatches() == 0);
}

/// Memory that fork does not copy must not stop the device.
void does_not_evict(char* memory) {
  DriverLog log;
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  HeldChild child(HeldChild::Made::kByLibc);
  kernel.wait_for_passes(3);
  child.finish();
  REQUIRE(log.count("9") == 0);
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(Fork, DontforkSetBeforeTheDeviceExists) {
  char* memory = map_memory(kSize);
  REQUIRE(madvise(memory, kSize, MADV_DONTFORK) == 0);
  does_not_evict(memory);
}

PROCESS_TEST(Fork, WipeonforkDoesNotEvict) {
  char* memory = map_memory(kSize);
  REQUIRE(madvise(memory, kSize, MADV_WIPEONFORK) == 0);
  does_not_evict(memory);
}

PROCESS_TEST(Fork, SharedMemoryDoesNotEvict) {
  void* memory = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  does_not_evict(static_cast<char*>(memory));
}

PROCESS_TEST(Fork, AdviceAfterRegistrationIsFollowed) {
  DriverLog log;
  char* memory = map_memory(kSize);
  register_memory(memory, kSize);
  HeldChild(HeldChild::Made::kByLibc).finish();
  log.wait_for("9", 1, kEvictedUserptr);
  log.wait_for("a", 1, kRestored);
  REQUIRE(madvise(memory, kSize, MADV_DONTFORK) == 0);
  HeldChild(HeldChild::Made::kByLibc).finish();
  REQUIRE(log.count("9") == 1);
  // One page that is copied again is enough.
  REQUIRE(madvise(memory + kPage, kPage, MADV_DOFORK) == 0);
  HeldChild(HeldChild::Made::kByLibc).finish();
  log.wait_for("9", 2, kEvictedUserptr);
  log.wait_for("a", 2, kRestored);
  REQUIRE(log.accusations() == 0);
}

PROCESS_TEST(Fork, HostAllocationsAreNotCopied) {
  DriverLog log;
  void* memory = nullptr;
  REQUIRE_HIP(hipHostMalloc(&memory, kSize, hipHostMallocDefault));
  RunningKernel kernel(static_cast<std::uint64_t*>(memory), kWords);
  HeldChild child(HeldChild::Made::kByLibc);
  kernel.wait_for_passes(2);
  REQUIRE(log.count("9") == 0);
}

PROCESS_TEST(Fork, WithoutMemoryOfTheDeviceNothingStops) {
  DriverLog log;
  char* memory = map_memory(kSize);
  std::uint64_t* device_words = nullptr;
  REQUIRE_HIP(hipMalloc(reinterpret_cast<void**>(&device_words), kSize));
  RunningKernel kernel(device_words, kWords);
  HeldChild child(HeldChild::Made::kByLibc);
  std::memset(memory, 2, kSize);
  kernel.wait_for_passes(2);
  REQUIRE(log.count("9") == 0);
  REQUIRE(kernel.mismatches() == 0);
}

PROCESS_TEST(Fork, RestoreBreaksCopyOnWriteForTheParent) {
  if (std::strcmp(softgpu_audit_status(), "on") != 0) {
    skip_process(softgpu_audit_status());
  }
  DriverLog log;
  char* memory = map_memory(kSize);
  register_memory(memory, kSize);
  HeldChild child(HeldChild::Made::kByLibc);
  log.wait_for("a", 1, kRestored);
  // Were the pages still shared with the child, these writes would move them.
  std::memset(memory, 7, kSize);
  REQUIRE(softgpu_audit_now() == 0);
}

PROCESS_TEST(Fork, ChildHasNoDevice) {
  char* memory = map_memory(kSize);
  register_memory(memory, kSize);
  HeldChild child(HeldChild::Made::kByLibc, [&] {
    int count = 0;
    void* pointer = nullptr;
    const bool refused = hipGetDeviceCount(&count) == hipErrorNotInitialized &&
                         hipMalloc(&pointer, kPage) == hipErrorNotInitialized &&
                         hipHostUnregister(memory) == hipErrorNotInitialized;
    return refused ? 0 : 1;
  });
  REQUIRE(child.finish() == 0);
}

PROCESS_TEST(Fork, ChildrenMakeTheirOwnMemoryCalls) {
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel(register_memory(memory, kSize), kWords);
  HeldChild child(HeldChild::Made::kByLibc, [&] {
    std::memset(memory, 9, kSize);
    return munmap(memory, kSize) == 0 ? 0 : 1;
  });
  log.wait_for("a", 1, kRestored);
  REQUIRE(child.finish() == 0);
  kernel.wait_for_passes(2);
  REQUIRE(log.count("9") == 1);  // the child's munmap is no concern of this device
  REQUIRE(kernel.mismatches() == 0);
  REQUIRE(log.accusations() == 0);
}

}  // namespace
}  // namespace softgpu_test
