// SPDX-License-Identifier: MIT
#include "memory_operations.hpp"

#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "memory_changes.hpp"
#include "softgpu/api/softgpu_control.h"

namespace softgpu_test {
namespace {

constexpr char kOperationVariable[] = "SOFTGPU_TEST_OPERATION";

constexpr Sight kSeen = Sight::kSeen;
constexpr Sight kNothingToDo = Sight::kNothingToDo;
constexpr Sight kNotSeen = Sight::kNotSeen;

// What KFD hears: MMU_NOTIFY_*, kernel 6.18 mm/ (kfd_facts §1); "-": nothing.
constexpr std::array kOperations = {
    MemoryOperation{"munmap", "munmap", anonymous, unmap, kSeen, true, "UNMAP", ""},
    MemoryOperation{"mremap that moves", "mremap", anonymous, move_away, kSeen, true, "UNMAP",
                    "the place it leaves and the place it takes"},
    MemoryOperation{"mremap that shrinks", "mremap", anonymous, shrink, kSeen, true, "UNMAP", ""},
    MemoryOperation{"mprotect", "mprotect", under_kernel, protect, kSeen, true, "PROTECTION_VMA",
                    ""},
    MemoryOperation{"pkey_mprotect", "pkey_mprotect", under_kernel, pkey_protect, kSeen, true,
                    "PROTECTION_VMA", ""},
    MemoryOperation{"madvise MADV_DONTNEED", "madvise", anonymous, dontneed, kSeen, true, "CLEAR",
                    "as all advice that is not in a row below"},
    MemoryOperation{"madvise MADV_FREE", "madvise", anonymous, lazy_free, kSeen, false, "CLEAR",
                    "its pages go only when memory is short"},
    MemoryOperation{"madvise MADV_REMOVE", "madvise", shared_file, remove_pages, kSeen, true,
                    "CLEAR", ""},
    MemoryOperation{"process_madvise", "process_madvise", anonymous, process_dontneed, kSeen, true,
                    "CLEAR", "MADV_DONTNEED of the own process: Linux 6.13"},
    MemoryOperation{"mmap MAP_FIXED", "mmap", anonymous, map_over, kSeen, true, "UNMAP", ""},
    MemoryOperation{"brk that shrinks", "brk", heap_end, shrink_heap, kSeen, true, "UNMAP", ""},
    MemoryOperation{"mbind MPOL_MF_MOVE", "mbind", anonymous, bind_pages, kSeen, false, "CLEAR",
                    "KFD: pages that move; here: all of the range"},
    MemoryOperation{"move_pages", "move_pages", anonymous, move_to_node, kSeen, false, "CLEAR",
                    "the pages named, whether they move or not"},
    MemoryOperation{"migrate_pages", "migrate_pages", anonymous, migrate_process, kSeen, false,
                    "CLEAR", "all memory, whether it moves or not"},
    MemoryOperation{"shmdt", "shmdt", segment, detach, kSeen, true, "UNMAP", ""},
    MemoryOperation{"shmat SHM_REMAP", "shmat", anonymous, attach_over, kSeen, true, "UNMAP", ""},
    MemoryOperation{"remap_file_pages", "remap_file_pages", shared_file, remap_pages, kSeen, true,
                    "UNMAP", ""},
    MemoryOperation{"fallocate FALLOC_FL_PUNCH_HOLE", "fallocate", shared_file, punch_file, kSeen,
                    true, "CLEAR", "every mapping of the file, found by its inode"},
    MemoryOperation{"ftruncate that shrinks", "ftruncate", shared_file, truncate_file, kSeen, true,
                    "CLEAR", "the same"},
    MemoryOperation{"truncate that shrinks", "truncate", shared_file, truncate_path, kSeen, true,
                    "CLEAR", "the same"},
    MemoryOperation{"UFFDIO_MOVE", "userfaultfd", anonymous, move_by_userfaultfd, kSeen, true,
                    "CLEAR", "Linux 6.8"},
    MemoryOperation{"UFFDIO_WRITEPROTECT", "", anonymous, write_protect_by_userfaultfd, kNotSeen,
                    false, "PROTECTION_VMA",
                    "the pages stay; the meter's validation holds a wave with it"},
    MemoryOperation{"clone without CLONE_VM", "clone", anonymous, libc_fork, kSeen, true,
                    "PROTECTION_PAGE", "libc's fork"},
#ifdef SYS_fork
    MemoryOperation{"fork", "fork", anonymous, raw_fork, kSeen, true, "PROTECTION_PAGE",
                    "the raw system call"},
#endif
    MemoryOperation{"clone3", "", anonymous, refuse_clone3, kNothingToDo, false, "PROTECTION_PAGE",
                    "answered ENOSYS, so that libc takes clone"},
    MemoryOperation{"thread, vfork, posix_spawn", "", anonymous, start_others, kNothingToDo, false,
                    "-", "one address space goes on"},
    MemoryOperation{"madvise, other advice", "", anonymous, advise_harmlessly, kNothingToDo, false,
                    "-", "NORMAL, RANDOM, SEQUENTIAL, WILLNEED, DONTDUMP, DODUMP, COLD, POPULATE"},
    MemoryOperation{"madvise, fork's behaviour", "", anonymous, change_fork_policy, kNothingToDo,
                    false, "-", "reported, to know what the next fork will do"},
    MemoryOperation{"mmap elsewhere", "", anonymous, map_elsewhere, kNothingToDo, false, "-",
                    "also MAP_FIXED_NOREPLACE"},
    MemoryOperation{"munmap of a neighbour", "", anonymous, unmap_neighbour, kNothingToDo, false,
                    "-", ""},
    MemoryOperation{"mremap that grows in place", "", anonymous, grow_in_place, kNothingToDo, false,
                    "-", ""},
    MemoryOperation{"brk that grows", "", anonymous, grow_heap, kNothingToDo, false, "-", ""},
    MemoryOperation{"ftruncate, fallocate that grow", "", shared_file, grow_file, kNothingToDo,
                    false, "-", ""},
    MemoryOperation{"mlock, munlock", "", anonymous, lock_pages, kNothingToDo, false, "-", ""},
    MemoryOperation{"mincore, msync MS_ASYNC", "", anonymous, look_at_pages, kNothingToDo, false,
                    "-", ""},
    MemoryOperation{"process_vm_writev, /proc/self/mem", "", anonymous, write_by_kernel,
                    kNothingToDo, false, "-",
                    "where the write breaks copy-on-write KFD hears CLEAR and softgpu nothing"},
    MemoryOperation{"io_uring IORING_OP_MADVISE", "", anonymous, advise_by_io_uring, kNotSeen, true,
                    "CLEAR", "the kernel's thread makes it: no system call tells of it"},
    MemoryOperation{"io_uring IORING_OP_FALLOCATE", "", shared_file, punch_by_io_uring, kNotSeen,
                    true, "CLEAR", "the same"},
    MemoryOperation{"/proc/self/clear_refs", "", anonymous, clear_soft_dirty, kNotSeen, false,
                    "SOFT_DIRTY", "of all memory; the pages stay, so nothing goes wrong"},
};

void perform(const MemoryOperation& operation, const Bracket& bracket) {
  Victim victim = operation.make();
  DriverLog log;
  std::uint64_t* device_words = register_memory(victim.memory, victim.size);
  if (!victim.kernel_runs_on_it) {
    device_words = register_memory(map_memory(kVictimSize), kVictimSize);
  }
  RunningKernel kernel(device_words, kVictimSize / sizeof(std::uint64_t));
  bracket.begin();
  operation.change(victim, log);
  const std::size_t evictions = log.count("9");
  log.wait_for("a", evictions, " 50f7");
  kernel.wait_for_passes(3);
  bracket.end();
  const std::uint64_t mismatches = kernel.mismatches();
  kernel.stop();
  softgpu_audit_now();
  std::printf("evictions=%zu accusations=%zu mismatches=%lu audit=%s\n", evictions,
              log.accusations(), mismatches, softgpu_audit_status());
}

PROCESS_BODY(run_memory_operation) { perform_operation(std::getenv(kOperationVariable)); }

}  // namespace

std::span<const MemoryOperation> memory_operations() { return kOperations; }

void perform_operation(std::string_view name, const Bracket& bracket) {
  const auto* operation =
      std::find_if(kOperations.begin(), kOperations.end(),
                   [&](const MemoryOperation& candidate) { return candidate.name == name; });
  REQUIRE(operation != kOperations.end());
  try {
    perform(*operation, bracket);
  } catch (const NotSupported& not_supported) {
    skip_process(not_supported.reason);
  }
}

ProcessResult run_operation(const MemoryOperation& operation, Environment environment) {
  environment[kOperationVariable] = operation.name;
  return run_process("run_memory_operation", environment);
}

}  // namespace softgpu_test
