// SPDX-License-Identifier: MIT
#include "softgpu/core/hooks.hpp"

#include <linux/mman.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "softgpu/core/file_hooks.hpp"
#include "softgpu/core/proc_maps.hpp"
#include "softgpu/core/program_memory.hpp"
#include "softgpu/core/range.hpp"

namespace softgpu {
namespace {

constexpr std::uintptr_t kWholeAddressSpace =
    page_floor(std::numeric_limits<std::uintptr_t>::max());

// Newer than the headers of Debian 12.
constexpr int kAdviceGuardRemove = 103;

// linux/mman.h and mman-common.h; the effects are those of mm/madvise.c.
constexpr std::array kHarmlessAdvice = {
    MADV_NORMAL,    MADV_RANDOM,        MADV_SEQUENTIAL,     MADV_WILLNEED,
    MADV_MERGEABLE, MADV_HUGEPAGE,      MADV_NOHUGEPAGE,     MADV_DONTDUMP,
    MADV_DODUMP,    MADV_POPULATE_READ, MADV_POPULATE_WRITE, kAdviceGuardRemove};

void plan_range(const SyscallArguments& arguments, HookPlan& plan) {
  plan.add(arguments[0], arguments[1]);
}

void plan_unmap(const SyscallArguments& arguments, HookPlan& plan) {
  plan_range(arguments, plan);
  plan.cause = InvalidationCause::kUnmap;
  plan.changes_fork_policy = true;
}

void plan_mremap(const SyscallArguments& arguments, HookPlan& plan) {
  const auto flags = static_cast<int>(arguments[3]);
  const std::uintptr_t old_size = page_ceil(arguments[1]);
  const std::uintptr_t new_size = page_ceil(arguments[2]);
  plan.cause = InvalidationCause::kUnmap;
  plan.changes_fork_policy = true;
  if ((flags & MREMAP_MAYMOVE) != 0) {
    plan.add(arguments[0], old_size);
  } else if (new_size < old_size) {
    plan.add(arguments[0] + new_size, old_size - new_size);
  }
  if ((flags & MREMAP_FIXED) != 0) {
    plan.add(arguments[4], new_size);
  }
}

/// Growing in place moves nothing, and KFD would hear nothing of it.
bool grow_in_place(const SyscallArguments& arguments, long& result) {
  const auto flags = static_cast<unsigned>(arguments[3]);
  if (flags != MREMAP_MAYMOVE || arguments[2] < arguments[1]) {
    return false;
  }
  SyscallArguments in_place = arguments;
  in_place[3] = 0;
  result = execute(SYS_mremap, in_place);
  return result >= 0;
}

void plan_madvise(const SyscallArguments& arguments, HookPlan& plan) {
  plan_range(arguments, plan);
  switch (static_cast<int>(arguments[2])) {
    case MADV_DONTFORK:
    case MADV_DOFORK:
    case MADV_WIPEONFORK:
    case MADV_KEEPONFORK:
      plan.invalidates = false;
      plan.changes_fork_policy = true;
      break;
    case MADV_COLD:  // ages pages, takes none away (mm/madvise.c madvise_cold_page_range)
      plan.invalidates = false;
      break;
    default:
      break;
  }
}

void plan_process_madvise(const SyscallArguments& arguments, HookPlan& plan) {
  // A descriptor of another process names addresses that mean nothing here; they are invalidated
  // all the same, which is safe.
  static iovec pieces[HookPlan::kMaximumIntervals];  // one supervisor, one plan at a time
  const std::size_t count = read_program_memory(
      arguments[1], pieces, std::min<std::size_t>(arguments[2], HookPlan::kMaximumIntervals));
  for (std::size_t index = 0; index < count; ++index) {
    plan.add(reinterpret_cast<std::uintptr_t>(pieces[index].iov_base), pieces[index].iov_len);
  }
  const auto advice = static_cast<int>(arguments[3]);
  plan.invalidates =
      advice != MADV_COLD &&
      std::find(kHarmlessAdvice.begin(), kHarmlessAdvice.end(), advice) == kHarmlessAdvice.end();
}

void plan_mmap(const SyscallArguments& arguments, HookPlan& plan) { plan_unmap(arguments, plan); }

void plan_brk(const SyscallArguments& arguments, HookPlan& plan) {
  const auto current = static_cast<std::uintptr_t>(syscall(SYS_brk, 0));
  plan.cause = InvalidationCause::kUnmap;
  plan.changes_fork_policy = true;
  if (arguments[0] != 0 && page_ceil(arguments[0]) < page_ceil(current)) {
    plan.add(page_ceil(arguments[0]), page_ceil(current) - page_ceil(arguments[0]));
  }
}

void plan_move_pages(const SyscallArguments& arguments, HookPlan& plan) {
  static std::uintptr_t pages[HookPlan::kMaximumIntervals];
  if (arguments[3] == 0) {
    plan.invalidates = false;  // only asks where the pages are
    return;
  }
  const std::size_t total = arguments[1];
  for (std::size_t done = 0; done < total; done += HookPlan::kMaximumIntervals) {
    const std::size_t count =
        read_program_memory(arguments[2] + done * sizeof(pages[0]), pages,
                            std::min(total - done, HookPlan::kMaximumIntervals));
    for (std::size_t index = 0; index < count; ++index) {
      plan.add(page_floor(pages[index]), kPageSize);
    }
    if (count == 0) {
      return;
    }
  }
}

void plan_everything(const SyscallArguments&, HookPlan& plan) { plan.add(0, kWholeAddressSpace); }

void plan_mbind(const SyscallArguments& arguments, HookPlan& plan) {
  constexpr unsigned kMoves = 1 << 1 | 1 << 2;  // MPOL_MF_MOVE, MPOL_MF_MOVE_ALL
  plan_range(arguments, plan);
  plan.invalidates = (arguments[5] & kMoves) != 0;
}

/// A System V segment is one mapping or, if parts were unmapped, several of the same file.
void plan_shmdt(const SyscallArguments& arguments, HookPlan& plan) {
  plan.cause = InvalidationCause::kUnmap;
  plan.changes_fork_policy = true;
  bool inside = false;
  for_each_vma(arguments[0], kWholeAddressSpace, [&](const Vma& vma) {
    const bool first = vma.begin == arguments[0];
    inside = first || (inside && vma.path.starts_with("/SYSV"));
    if (inside) {
      plan.add(vma.begin, vma.end - vma.begin);
    }
  });
}

void plan_shmat(const SyscallArguments& arguments, HookPlan& plan) {
  shmid_ds segment{};
  const bool known = shmctl(static_cast<int>(arguments[0]), IPC_STAT, &segment) == 0;
  plan.add(arguments[1], known ? segment.shm_segsz : kWholeAddressSpace - arguments[1]);
  plan.cause = InvalidationCause::kUnmap;
  plan.changes_fork_policy = true;
}

void plan_fork(const SyscallArguments& arguments, HookPlan& plan) {
  plan_everything(arguments, plan);
  plan.cause = InvalidationCause::kFork;
}

// linux/userfaultfd.h, Linux 6.8. UFFDIO_WRITEPROTECT is left alone although KFD hears of it: with
// it the meter's validation holds a wave by what no driver knows of, and a restore that met a
// protected page would take it for a hole, as HMM does.
constexpr std::uint32_t kUffdioMove = 0xC028AA05;
constexpr std::array kUserfaultfdRequests = {kUffdioMove};

/// struct uffdio_move begins with destination, source and length.
void plan_userfaultfd(const SyscallArguments& arguments, HookPlan& plan) {
  std::uint64_t fields[3] = {};
  if (read_program_memory(arguments[2], fields, 3) == 3) plan.add(fields[1], fields[2]);
}

constexpr std::array kHooks = {
    Hook{"munmap", SYS_munmap, HookFilter::kAlways, false, plan_unmap, nullptr},
    Hook{"mremap", SYS_mremap, HookFilter::kAlways, false, plan_mremap, grow_in_place},
    Hook{"mprotect", SYS_mprotect, HookFilter::kAlways, false, plan_range, nullptr},
    Hook{"pkey_mprotect", SYS_pkey_mprotect, HookFilter::kAlways, false, plan_range, nullptr},
    Hook{"madvise", SYS_madvise, HookFilter::kWithRealAdvice, false, plan_madvise, nullptr},
    Hook{"process_madvise", SYS_process_madvise, HookFilter::kAlways, false, plan_process_madvise,
         nullptr},
    Hook{"mmap", SYS_mmap, HookFilter::kWithMapFixed, false, plan_mmap, nullptr},
    Hook{"brk", SYS_brk, HookFilter::kAlways, false, plan_brk, nullptr},
    Hook{"mbind", SYS_mbind, HookFilter::kAlways, false, plan_mbind, nullptr},
    Hook{"move_pages", SYS_move_pages, HookFilter::kAlways, false, plan_move_pages, nullptr},
    Hook{"migrate_pages", SYS_migrate_pages, HookFilter::kAlways, false, plan_everything, nullptr},
    Hook{"shmdt", SYS_shmdt, HookFilter::kAlways, false, plan_shmdt, nullptr},
    Hook{"shmat", SYS_shmat, HookFilter::kWithShmRemap, false, plan_shmat, nullptr},
    Hook{"remap_file_pages", SYS_remap_file_pages, HookFilter::kAlways, false, plan_unmap, nullptr},
    Hook{"fallocate", SYS_fallocate, HookFilter::kWithHoles, false, plan_fallocate, nullptr},
    Hook{"ftruncate", SYS_ftruncate, HookFilter::kAlways, false, plan_ftruncate, nullptr},
    Hook{"truncate", SYS_truncate, HookFilter::kAlways, false, plan_truncate, nullptr},
    Hook{"userfaultfd", SYS_ioctl, HookFilter::kUserfaultfd, false, plan_userfaultfd, nullptr},
    Hook{"clone", SYS_clone, HookFilter::kWithoutCloneVm, true, plan_fork, nullptr},
#ifdef SYS_fork
    Hook{"fork", SYS_fork, HookFilter::kAlways, true, plan_fork, nullptr},
#endif
};

}  // namespace

void HookPlan::add(std::uintptr_t begin, std::uintptr_t size_bytes) {
  const std::uintptr_t room = begin < kWholeAddressSpace ? kWholeAddressSpace - begin : 0;
  const Interval added{page_floor(begin), page_ceil(begin + std::min(size_bytes, room))};
  if (count < kMaximumIntervals) {
    intervals[count++] = added;
    return;
  }
  // Too many: the last interval grows over them. More is invalidated than need be, never less.
  Interval& last = intervals[kMaximumIntervals - 1];
  last = {std::min(last.begin, added.begin), std::max(last.end, added.end)};
}

std::span<const Hook> all_hooks() { return kHooks; }

const Hook* find_hook(long number) {
  const auto* found = std::find_if(kHooks.begin(), kHooks.end(),
                                   [&](const Hook& hook) { return hook.number == number; });
  return found != kHooks.end() ? found : nullptr;
}

const Hook* find_hook(std::string_view name) {
  const auto* found = std::find_if(kHooks.begin(), kHooks.end(),
                                   [&](const Hook& hook) { return hook.name == name; });
  return found != kHooks.end() ? found : nullptr;
}

std::span<const int> harmless_advice() { return kHarmlessAdvice; }

std::span<const std::uint32_t> userfaultfd_requests() { return kUserfaultfdRequests; }

long execute(long number, const SyscallArguments& arguments) {
  const long result = syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
                              arguments[4], arguments[5]);
  return result == -1 ? -errno : result;
}

}  // namespace softgpu
