// SPDX-License-Identifier: MIT
// Takes out each hook of the notifier in turn and requires that its loss is noticed. Each operation
// runs twice in a process of its own: as it is, when nothing may be wrong, and with its hook
// skipped.
#include <errno.h>
#include <linux/mempolicy.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "process_test.hpp"
#include "softgpu/api/softgpu_control.h"
#include "test_device.hpp"

namespace softgpu_test {
namespace {

constexpr std::size_t kPages = 8;
constexpr std::size_t kSize = kPages * kPage;
constexpr std::size_t kWords = kSize / 8;
constexpr char kOperationVariable[] = "SOFTGPU_TEST_OPERATION";

/// Keeps the frames that were just freed from coming back to the pages that they were taken from.
void use_up_freed_frames() { map_memory(64 * kPage); }

/// Registered memory and how to change it through one hook. After the change the test touches what
/// is still there, so that new pages take the place of old ones.
struct Victim {
  char* memory = nullptr;
  std::size_t size = kSize;
  bool kernel_runs_on_it = false;  // only where the memory stays whole
};

Victim anonymous() { return {.memory = map_memory(kSize)}; }

void dontneed(Victim& victim, DriverLog&) {
  REQUIRE(madvise(victim.memory + kPage, kPage, MADV_DONTNEED) == 0);
  use_up_freed_frames();
  std::memset(victim.memory, 2, kSize);
}

void process_dontneed(Victim& victim, DriverLog&) {
  const int self = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  REQUIRE(self >= 0);
  iovec piece{victim.memory + kPage, kPage};
  if (syscall(SYS_process_madvise, self, &piece, 1, MADV_DONTNEED, 0) < 0) {
    skip_process(std::string("process_madvise(MADV_DONTNEED): ") + std::strerror(errno));
  }
  use_up_freed_frames();
  std::memset(victim.memory, 2, kSize);
}

void unmap(Victim& victim, DriverLog&) { REQUIRE(munmap(victim.memory + kPage, kPage) == 0); }

void move_away(Victim& victim, DriverLog&) {
  char* target = map_memory(kPage);
  REQUIRE(mremap(victim.memory + kPage, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, target) ==
          target);
}

void map_over(Victim& victim, DriverLog&) {
  REQUIRE(mmap(victim.memory, kPage, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == victim.memory);
  use_up_freed_frames();
  std::memset(victim.memory, 2, kPage);
}

Victim heap_end() {
  // Softgpu's own allocations must not lie above the piece that is given back.
  mallopt(M_TOP_PAD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
  mallopt(M_MMAP_THRESHOLD, 16 << 20);
  void* block = malloc(1 << 20);
  *static_cast<volatile char*>(block) = 1;  // or the compiler leaves it all out
  free(block);
  const auto now = reinterpret_cast<std::uintptr_t>(sbrk(0));
  REQUIRE(sbrk(static_cast<std::intptr_t>(kPage - now % kPage)) != reinterpret_cast<void*>(-1));
  void* piece = sbrk(static_cast<std::intptr_t>(kSize));
  REQUIRE(piece != reinterpret_cast<void*>(-1));
  std::memset(piece, 1, kSize);
  return {.memory = static_cast<char*>(piece)};
}

void shrink_heap(Victim& victim, DriverLog&) {
  REQUIRE(sbrk(0) == victim.memory + kSize);
  REQUIRE(sbrk(-static_cast<std::intptr_t>(kSize)) != reinterpret_cast<void*>(-1));
}

int make_segment() {
  const int segment = shmget(IPC_PRIVATE, kSize, IPC_CREAT | 0600);
  if (segment < 0) {
    skip_process(std::string("shmget: ") + std::strerror(errno));
  }
  return segment;
}

Victim segment() {
  const int id = make_segment();
  void* memory = shmat(id, nullptr, 0);
  shmctl(id, IPC_RMID, nullptr);  // it goes with its last mapping
  REQUIRE(memory != reinterpret_cast<void*>(-1));
  std::memset(memory, 1, kSize);
  return {.memory = static_cast<char*>(memory)};
}

void detach(Victim& victim, DriverLog&) { REQUIRE(shmdt(victim.memory) == 0); }

void attach_over(Victim& victim, DriverLog&) {
  const int id = make_segment();
  void* memory = shmat(id, victim.memory, SHM_REMAP);
  shmctl(id, IPC_RMID, nullptr);
  REQUIRE(memory == victim.memory);
  use_up_freed_frames();
  std::memset(memory, 2, kSize);
}

Victim shared_file() {
  const int file = memfd_create("softgpu_test", 0);
  REQUIRE(file >= 0 && ftruncate(file, kSize) == 0);
  void* memory = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  REQUIRE(memory != MAP_FAILED);
  std::memset(memory, 1, kSize);
  return {.memory = static_cast<char*>(memory)};
}

void remap_pages(Victim& victim, DriverLog&) {
  if (syscall(SYS_remap_file_pages, victim.memory, kPage, 0, 4, 0) != 0) {
    skip_process(std::string("remap_file_pages: ") + std::strerror(errno));
  }
  std::memset(victim.memory, 2, kPage);
}

Victim under_kernel() { return {.memory = map_memory(kSize), .kernel_runs_on_it = true}; }

/// The device must not write while the memory is read-only. With the hook skipped it does, which
/// ends the process before an eviction line comes.
void protect_and_back(DriverLog& log, const std::function<long(int)>& protect) {
  REQUIRE(protect(PROT_READ) == 0);
  log.wait_for("9", 1);
  REQUIRE(protect(PROT_READ | PROT_WRITE) == 0);
}

void protect(Victim& victim, DriverLog& log) {
  protect_and_back(log, [&](int rights) { return mprotect(victim.memory, kSize, rights); });
}

void pkey_protect(Victim& victim, DriverLog& log) {
  protect_and_back(log, [&](int rights) {
    return syscall(SYS_pkey_mprotect, victim.memory, kSize, rights, -1);
  });
}

/// A page that was shared with a child moves when the CPU writes it.
void fork_and_write(Victim& victim, HeldChild::Made made) {
  HeldChild child(made);
  std::memset(victim.memory, 2, kSize);
}

void libc_fork(Victim& victim, DriverLog&) { fork_and_write(victim, HeldChild::Made::kByLibc); }

void raw_fork(Victim& victim, DriverLog&) {
#ifdef SYS_fork
  const auto child = static_cast<pid_t>(syscall(SYS_fork));
  if (child == 0) {
    pause();
    _exit(0);
  }
  REQUIRE(child > 0);
  std::memset(victim.memory, 2, kSize);
  kill(child, SIGKILL);
#else
  (void)victim;
#endif
}

// On a machine with one node these move nothing: only the eviction line tells that they were seen.
void bind_pages(Victim& victim, DriverLog&) {
  unsigned long nodes = 1;
  REQUIRE(syscall(SYS_mbind, victim.memory, kSize, MPOL_BIND, &nodes, sizeof(nodes) * 8,
                  MPOL_MF_MOVE) == 0);
}

void move_to_node(Victim& victim, DriverLog&) {
  void* page = victim.memory;
  int node = 0;
  int status = 0;
  REQUIRE(syscall(SYS_move_pages, 0, 1, &page, &node, &status, MPOL_MF_MOVE) == 0);
}

void migrate_process(Victim&, DriverLog&) {
  unsigned long nodes = 1;
  REQUIRE(syscall(SYS_migrate_pages, 0, sizeof(nodes) * 8, &nodes, &nodes) == 0);
}

struct Operation {
  const char* hook;
  Victim (*make)();
  void (*change)(Victim& victim, DriverLog& log);
  bool pages_change;  // the PFN audit, or the wave's own access, must notice a skipped hook
};

constexpr Operation kOperations[] = {
    {"munmap", anonymous, unmap, true},
    {"mremap", anonymous, move_away, true},
    {"mprotect", under_kernel, protect, true},
    {"pkey_mprotect", under_kernel, pkey_protect, true},
    {"madvise", anonymous, dontneed, true},
    {"process_madvise", anonymous, process_dontneed, true},
    {"mmap", anonymous, map_over, true},
    {"brk", heap_end, shrink_heap, true},
    {"mbind", anonymous, bind_pages, false},
    {"move_pages", anonymous, move_to_node, false},
    {"migrate_pages", anonymous, migrate_process, false},
    {"shmdt", segment, detach, true},
    {"shmat", anonymous, attach_over, true},
    {"remap_file_pages", shared_file, remap_pages, true},
    {"clone", anonymous, libc_fork, true},
    {"fork", anonymous, raw_fork, true},
};

const Operation* find_operation(const std::string& hook) {
  for (const Operation& operation : kOperations) {
    if (hook == operation.hook) {
      return &operation;
    }
  }
  return nullptr;
}

/// Prints what was noticed; the test judges it.
PROCESS_BODY(run_hook_operation) {
  const Operation* operation = find_operation(std::getenv(kOperationVariable));
  REQUIRE(operation != nullptr);
  Victim victim = operation->make();
  DriverLog log;
  std::uint64_t* device_words = register_memory(victim.memory, victim.size);
  if (!victim.kernel_runs_on_it) {
    device_words = register_memory(map_memory(kSize), kSize);
  }
  RunningKernel kernel(device_words, kWords);
  operation->change(victim, log);
  const std::size_t evictions = log.count("9");
  log.wait_for("a", evictions, " 50f7");
  kernel.wait_for_passes(3);
  const std::uint64_t mismatches = kernel.mismatches();
  kernel.stop();
  softgpu_audit_now();
  std::printf("evictions=%zu accusations=%zu mismatches=%lu audit=%s\n", evictions,
              log.accusations(), mismatches, softgpu_audit_status());
}

bool says(const ProcessResult& result, const std::string& text) {
  return result.output.find(text) != std::string::npos;
}

class HookMutation : public testing::TestWithParam<std::string> {
 protected:
  static ProcessResult run(const std::string& hook, const std::string& plant) {
    return run_process("run_hook_operation",
                       {{kOperationVariable, hook}, {"SOFTGPU_PLANT", plant}});
  }
};

TEST_P(HookMutation, IsNoticedAndNothingElseIs) {
  const Operation* operation = find_operation(GetParam());
  ASSERT_NE(operation, nullptr) << "a hook without an operation that proves it";
  const ProcessResult whole = run(GetParam(), "");
  if (whole.exit_status == kSkipStatus) {
    GTEST_SKIP() << whole.output;
  }
  ASSERT_TRUE(whole.passed()) << whole.output;
  EXPECT_FALSE(says(whole, "evictions=0")) << whole.output;
  EXPECT_TRUE(says(whole, "accusations=0 mismatches=0")) << whole.output;

  const ProcessResult mutated = run(GetParam(), "skip_hook:" + GetParam());
  const bool audited = says(whole, "audit=on");
  const bool accused = mutated.passed() && !says(mutated, "accusations=0");
  const bool caught_in_the_act = mutated.signal == SIGABRT && says(mutated, "was missed");
  const bool eviction_missing = mutated.passed() && says(mutated, "evictions=0");
  EXPECT_TRUE(accused || caught_in_the_act || eviction_missing) << mutated.output;
  if (operation->pages_change && audited) {
    EXPECT_TRUE(accused || caught_in_the_act) << mutated.output;
  }
}

std::vector<std::string> hook_names() {
  std::vector<std::string> names;
  for (const char* const* name = softgpu_hook_names(); *name != nullptr; ++name) {
    names.emplace_back(*name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, HookMutation, testing::ValuesIn(hook_names()),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace softgpu_test
