// SPDX-License-Identifier: MIT
// The filter program, run by a small interpreter of classic BPF instead of the kernel.
#include "softgpu/core/seccomp_filter.hpp"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/falloc.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

namespace softgpu {
namespace {

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr int kAdviceCollapse = 25;  // MADV_COLLAPSE, Linux 6.1; not in glibc 2.36
constexpr std::uint32_t kNotify = SECCOMP_RET_USER_NOTIF;

bool holds(const sock_filter& jump, std::uint32_t accumulator) {
  switch (BPF_OP(jump.code)) {
    case BPF_JEQ:
      return accumulator == jump.k;
    case BPF_JGT:
      return accumulator > jump.k;
    case BPF_JGE:
      return accumulator >= jump.k;
    case BPF_JSET:
      return (accumulator & jump.k) != 0;
    default:
      ADD_FAILURE() << "unknown jump";
      return false;
  }
}

std::uint32_t run(const std::vector<sock_filter>& filter, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < filter.size(); ++at) {
    const sock_filter& instruction = filter[at];
    switch (BPF_CLASS(instruction.code)) {
      case BPF_LD:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + instruction.k,
                    sizeof(accumulator));
        break;
      case BPF_JMP:
        at += holds(instruction, accumulator) ? instruction.jt : instruction.jf;
        break;
      case BPF_RET:
        return instruction.k;
    }
  }
  ADD_FAILURE() << "the filter runs off its end";
  return 0;
}

class FilterTest : public testing::Test {
 protected:
  std::uint32_t answer(long number, std::initializer_list<std::uint64_t> arguments,
                       std::uint64_t instruction_pointer = 0x400000) {
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = architecture_;
    data.instruction_pointer = instruction_pointer;
    std::copy(arguments.begin(), arguments.end(), data.args);
    return run(filter_, data);
  }

  static constexpr CodeRange kExempt{0x7f0000001000, 0x7f0000003000};
  static constexpr CodeRange kExemptAcross4GiB{0x100ffff000, 0x1100001000};
#if defined(__x86_64__)
  std::uint32_t architecture_ = AUDIT_ARCH_X86_64;
#else
  std::uint32_t architecture_ = AUDIT_ARCH_AARCH64;
#endif
  const std::vector<CodeRange> exempt_{kExempt, kExemptAcross4GiB};
  const std::vector<sock_filter> filter_ = build_filter(all_hooks(), exempt_);
};

TEST_F(FilterTest, OrdinaryCallsAreAllowed) {
  for (const long number : {SYS_read, SYS_write, SYS_futex, SYS_exit_group, SYS_vfork, SYS_execve,
                            SYS_clock_gettime, SYS_mincore, SYS_mlock}) {
    EXPECT_EQ(answer(number, {}), kAllow) << number;
  }
}

TEST_F(FilterTest, MemoryCallsAreReported) {
  for (const long number :
       {SYS_munmap, SYS_mremap, SYS_mprotect, SYS_pkey_mprotect, SYS_brk, SYS_mbind, SYS_move_pages,
        SYS_migrate_pages, SYS_shmdt, SYS_process_madvise, SYS_remap_file_pages, SYS_fork}) {
    EXPECT_EQ(answer(number, {}), kNotify) << number;
  }
}

TEST_F(FilterTest, MmapIsReportedOnlyWhereItReplaces) {
  EXPECT_EQ(answer(SYS_mmap, {0, 1, 0, MAP_PRIVATE | MAP_ANONYMOUS}), kAllow);
  EXPECT_EQ(answer(SYS_mmap, {0, 1, 0, MAP_PRIVATE | MAP_FIXED_NOREPLACE}), kAllow);
  EXPECT_EQ(answer(SYS_mmap, {0, 1, 0, MAP_PRIVATE | MAP_FIXED}), kNotify);
}

TEST_F(FilterTest, ShmatIsReportedOnlyWhereItReplaces) {
  EXPECT_EQ(answer(SYS_shmat, {0, 0, 0}), kAllow);
  EXPECT_EQ(answer(SYS_shmat, {0, 0, SHM_REMAP}), kNotify);
}

TEST_F(FilterTest, OnlyCopiesOfTheAddressSpaceAreForks) {
  EXPECT_EQ(answer(SYS_clone, {SIGCHLD}), kNotify);
  EXPECT_EQ(answer(SYS_clone, {CLONE_VM | CLONE_THREAD | CLONE_SIGHAND}), kAllow);
  EXPECT_EQ(answer(SYS_clone, {CLONE_VM | CLONE_VFORK | SIGCHLD}), kAllow);
  EXPECT_EQ(answer(SYS_clone3, {}), SECCOMP_RET_ERRNO | ENOSYS);
}

TEST_F(FilterTest, HarmlessAdviceIsAllowedAndUnknownAdviceIsNot) {
  for (const int advice : {MADV_NORMAL, MADV_WILLNEED, MADV_HUGEPAGE, MADV_POPULATE_WRITE}) {
    EXPECT_EQ(answer(SYS_madvise, {0, 0, static_cast<std::uint64_t>(advice)}), kAllow) << advice;
  }
  for (const int advice : {MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_DONTFORK, MADV_WIPEONFORK,
                           MADV_PAGEOUT, kAdviceCollapse, MADV_UNMERGEABLE, 9999}) {
    EXPECT_EQ(answer(SYS_madvise, {0, 0, static_cast<std::uint64_t>(advice)}), kNotify) << advice;
  }
}

TEST_F(FilterTest, FallocateIsReportedOnlyWhereItTakesPartsAway) {
  EXPECT_EQ(answer(SYS_fallocate, {3, 0}), kAllow);
  EXPECT_EQ(answer(SYS_fallocate, {3, FALLOC_FL_KEEP_SIZE}), kAllow);
  for (const std::uint64_t mode :
       {FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_ZERO_RANGE,
        FALLOC_FL_INSERT_RANGE}) {
    EXPECT_EQ(answer(SYS_fallocate, {3, mode}), kNotify) << mode;
  }
}

TEST_F(FilterTest, OfIoctlsOnlyThoseThatMovePagesAreReported) {
  constexpr std::uint64_t kUffdioMove = 0xC028AA05;  // linux/userfaultfd.h, Linux 6.8
  EXPECT_EQ(answer(SYS_ioctl, {3, kUffdioMove}), kNotify);
  EXPECT_EQ(answer(SYS_ioctl, {3, UFFDIO_WRITEPROTECT}), kAllow);
  EXPECT_EQ(answer(SYS_ioctl, {3, UFFDIO_COPY}), kAllow);
  EXPECT_EQ(answer(SYS_ioctl, {3, TCGETS}), kAllow);
}

TEST_F(FilterTest, ExemptCodeIsNotReported) {
  EXPECT_EQ(answer(SYS_munmap, {}, kExempt.begin), kAllow);
  EXPECT_EQ(answer(SYS_munmap, {}, kExempt.end - 1), kAllow);
  EXPECT_EQ(answer(SYS_munmap, {}, kExempt.begin - 1), kNotify);
  EXPECT_EQ(answer(SYS_munmap, {}, kExempt.end), kNotify);
  EXPECT_EQ(answer(SYS_munmap, {}, kExempt.begin - (1ull << 32)), kNotify);
}

TEST_F(FilterTest, ExemptCodeMayCrossA4GiBBoundary) {
  EXPECT_EQ(answer(SYS_munmap, {}, kExemptAcross4GiB.begin - 1), kNotify);
  EXPECT_EQ(answer(SYS_munmap, {}, kExemptAcross4GiB.begin), kAllow);
  EXPECT_EQ(answer(SYS_munmap, {}, 0x10ffffffff), kAllow);
  EXPECT_EQ(answer(SYS_munmap, {}, 0x1100000000), kAllow);
  EXPECT_EQ(answer(SYS_munmap, {}, kExemptAcross4GiB.end - 1), kAllow);
  EXPECT_EQ(answer(SYS_munmap, {}, kExemptAcross4GiB.end), kNotify);
}

TEST_F(FilterTest, OtherArchitecturesAreNotSeen) {
  architecture_ = AUDIT_ARCH_I386;
  EXPECT_EQ(answer(SYS_munmap, {}), kAllow);
}

}  // namespace
}  // namespace softgpu
