// SPDX-License-Identifier: MIT
// What ends at a bad moment: threads, in numbers and while a call of theirs is held, the
// supervisor, its listener, and memory that the device still knows. No hang, and no wrong data.
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "process_test.hpp"
#include "softgpu/api/softgpu_control.h"
#include "test_device.hpp"

namespace softgpu_test {
namespace {

constexpr std::size_t kPages = 16;
constexpr std::size_t kSize = kPages * kPage;
constexpr std::uint32_t kInNotifier = 1;  // softgpu_hold()
constexpr std::uint64_t kLongHoldNs = 3'600'000'000'000;

/// A kernel on registered memory.
struct OnRegisteredMemory {
  DriverLog log;
  char* memory = map_memory(kSize);
  RunningKernel kernel{register_memory(memory, kSize), kSize / 8};
};

pid_t find_thread(const std::string& name) {
  DIR* directory = opendir("/proc/self/task");
  REQUIRE(directory != nullptr);
  pid_t found = 0;
  while (const dirent* entry = readdir(directory)) {
    std::ifstream file(std::string("/proc/self/task/") + entry->d_name + "/comm");
    std::string line;
    if (std::getline(file, line) && line == name) {
      found = static_cast<pid_t>(std::stol(entry->d_name));
    }
  }
  closedir(directory);
  REQUIRE(found != 0);
  return found;
}

/// A thread whose madvise is held for good, once the device stands still for it.
void hold_a_thread(OnRegisteredMemory& on) {
  on.kernel.wait_for_passes(1);
  softgpu_hold(kInNotifier, kLongHoldNs);
  std::thread([&on] { madvise(on.memory, kPage, MADV_DONTNEED); }).detach();
  on.log.wait_for("9", 1);
}

/// 10 000 threads, some at a time: each maps, uses and unmaps memory of its own, and some change
/// the device's. Stacks and thread-local data come and go by held calls, too.
PROCESS_BODY(thread_churn) {
  constexpr int kThreads = 10'000;
  constexpr int kAtOnce = 20;
  OnRegisteredMemory on;
  std::atomic<int> finished{0};
  for (int begun = 0; begun < kThreads; begun += kAtOnce) {
    std::vector<std::thread> threads;
    for (int index = 0; index < kAtOnce; ++index) {
      threads.emplace_back([&on, &finished, index, number = begun + index] {
        char* own = map_memory(kPage);
        const auto value = static_cast<char>(number);
        *own = value;
        REQUIRE(*own == value);
        REQUIRE(munmap(own, kPage) == 0);
        if (index == 0) {
          REQUIRE(madvise(on.memory + static_cast<std::size_t>(number) % kPages * kPage, kPage,
                          MADV_DONTNEED) == 0);
        }
        finished.fetch_add(1);
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  REQUIRE(finished == kThreads);
  on.kernel.wait_for_passes(1);
  on.kernel.stop();
  REQUIRE(on.kernel.mismatches() == on.kernel.zeros());
  softgpu_audit_now();
  REQUIRE(on.log.accusations() == 0);
}

TEST(Endings, TenThousandThreads) {
  for (const Environment& recovery :
       {Environment{{"HSA_XNACK", "0"}}, Environment{{"HSA_XNACK", "1"}}}) {
    expect_passed(run_process("thread_churn", recovery));
  }
}

/// Threads that register and unregister memory of their own meanwhile.
PROCESS_TEST(Endings, ThreadsThatRegisterAtTheSameTime) {
  DriverLog log;
  std::vector<std::thread> threads;
  for (int index = 0; index < 8; ++index) {
    threads.emplace_back([] {
      for (int round = 0; round < 50; ++round) {
        char* memory = map_memory(kSize);
        register_memory(memory, kSize);
        REQUIRE(madvise(memory, kPage, MADV_DONTNEED) == 0);
        REQUIRE_HIP(hipHostUnregister(memory));
        REQUIRE(munmap(memory, kSize) == 0);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  REQUIRE(log.accusations() == 0);
}

PROCESS_BODY(exit_while_held) {
  OnRegisteredMemory on;
  hold_a_thread(on);
  _exit(0);
}
TEST(Endings, ProcessExitsWhileAThreadIsHeld) { expect_passed(run_process("exit_while_held")); }

PROCESS_BODY(thread_exits_after_call) {
  // The thread is gone right after its call; the restore that it has caused comes all the same.
  OnRegisteredMemory on;
  for (std::size_t round = 1; round <= 20; ++round) {
    std::thread([&on] {
      madvise(on.memory, kPage, MADV_DONTNEED);
      syscall(SYS_exit, 0);  // without the library's own memory calls at a thread's end
    }).detach();
    on.log.wait_for("9", round);
    on.log.wait_for("a", round);
    on.kernel.wait_for_passes(1);
  }
  on.kernel.stop();
  REQUIRE(on.kernel.mismatches() == on.kernel.zeros() && on.log.accusations() == 0);
  _exit(0);  // what such threads leave behind is no leak to be reported
}
TEST(Endings, ThreadExitsRightAfterItsCall) {
  expect_passed(run_process("thread_exits_after_call"));
}

PROCESS_BODY(thread_forks_and_exits) {
  // A raw fork by a thread that ends at once: nobody comes back from the call to tell its end.
  OnRegisteredMemory on;
  for (int round = 0; round < 20; ++round) {
    std::thread([] {
      if (syscall(SYS_fork) == 0) {
        _exit(0);
      }
      syscall(SYS_exit, 0);
    }).detach();
    while (wait(nullptr) < 0) {
      REQUIRE(errno == ECHILD);  // not forked yet
      sched_yield();
    }
    on.kernel.wait_for_passes(1);
  }
  on.kernel.stop();
  REQUIRE(on.kernel.mismatches() == 0 && on.log.accusations() == 0);
  _exit(0);  // the same
}
TEST(Endings, ThreadForksAndExits) { expect_passed(run_process("thread_forks_and_exits")); }

PROCESS_BODY(supervisor_killed) {
  OnRegisteredMemory on;
  HeldChild child(HeldChild::Made::kByLibc);  // has the test's pipe open as long as it lives
  on.log.wait_for("a", 1);
  softgpu_hold(kInNotifier, kLongHoldNs);
  const std::size_t before = on.log.count("9");
  std::thread([&on] { madvise(on.memory, kPage, MADV_DONTNEED); }).detach();
  on.log.wait_for("9", before + 1);
  syscall(SYS_tgkill, getpid(), find_thread("softgpu-superv"), SIGKILL);
  for (;;) {
    pause();
  }
}
TEST(Endings, SupervisorKilledTakesTheProcessAndItsChildrenAlong) {
  const ProcessResult result = run_process("supervisor_killed");  // returns when all are gone
  EXPECT_EQ(result.signal, SIGKILL) << result.output;
}

int find_listener() {
  for (int descriptor = 0; descriptor < 1024; ++descriptor) {
    char target[64] = {};
    const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
    if (readlink(link.c_str(), target, sizeof(target) - 1) > 0 &&
        std::string(target) == "anon_inode:seccomp notify") {
      return descriptor;
    }
  }
  return -1;
}

PROCESS_BODY(listener_closed) {
  // As a program does that closes all descriptors it does not know.
  OnRegisteredMemory on;
  on.kernel.wait_for_passes(1);
  const int listener = find_listener();
  REQUIRE(listener >= 0);
  close(listener);
  for (;;) {
    madvise(on.memory, kPage, MADV_DONTNEED);
  }
}
TEST(Endings, ClosedListenerIsNamed) {
  const ProcessResult result = run_process("listener_closed");
  EXPECT_EQ(result.signal, SIGABRT) << result.output;
  EXPECT_NE(result.output.find("the seccomp listener is gone"), std::string::npos) << result.output;
}

/// Large enough for a mapping of its own, which free() unmaps; at a page's begin.
char* page_of_heap(void*& block) {
  block = std::malloc(2 << 20);
  REQUIRE(block != nullptr);
  const auto begin = reinterpret_cast<std::uintptr_t>(block);
  return reinterpret_cast<char*>((begin + kPage) / kPage * kPage);
}

/// A sanitizer's malloc keeps what is freed, or unmaps it by a call of the runtime's own, which the
/// filter lets pass.
void require_that_free_unmaps() {
  if (dlsym(RTLD_DEFAULT, "__sanitizer_get_ownership") != nullptr) {
    skip_process("free() is a sanitizer's");
  }
  mallopt(M_MMAP_THRESHOLD, 1 << 20);  // or the first free() would raise it
}

PROCESS_BODY(freed_registered) {
  require_that_free_unmaps();
  DriverLog log;
  void* block = nullptr;
  char* memory = page_of_heap(block);
  register_memory(memory, kSize);
  std::free(block);
  REQUIRE(log.count("9", " 1") == 1);
  log.wait_for("a", 1);
  REQUIRE_HIP(hipHostUnregister(memory));
  // The same place again, and a device that works there.
  void* again = mmap(memory, kSize, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  REQUIRE(again == memory);
  RunningKernel kernel(register_memory(memory, kSize), kSize / 8);
  kernel.wait_for_passes(1);
  kernel.stop();
  REQUIRE(kernel.mismatches() == 0 && log.accusations() == 0);
}
TEST(Endings, FreedMemoryThatIsRegistered) { expect_passed(run_process("freed_registered")); }

PROCESS_BODY(freed_under_kernel) {
  require_that_free_unmaps();
  void* block = nullptr;
  char* memory = page_of_heap(block);
  RunningKernel kernel(register_memory(memory, kSize), kSize / 8);
  kernel.wait_for_passes(1);
  std::free(block);
  kernel.wait_for_passes(1);
}
TEST(Endings, FreedMemoryUnderAKernelIsAFaultWithItsAddress) {
  const ProcessResult result = run_process("freed_under_kernel");
  if (result.exit_status == kSkipStatus) {
    GTEST_SKIP() << result.output;
  }
  EXPECT_EQ(result.signal, SIGABRT) << result.output;
  EXPECT_NE(result.output.find("page not present"), std::string::npos) << result.output;
}

}  // namespace
}  // namespace softgpu_test
