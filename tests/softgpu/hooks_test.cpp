// SPDX-License-Identifier: MIT
// What each hook plans, without making the call.
#include "softgpu/core/hooks.hpp"

#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <linux/mman.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>

namespace softgpu {
namespace {

constexpr std::uint64_t kAddress = 0x10000;
constexpr std::uint64_t kPages4 = 4 * kPageSize;

std::unique_ptr<HookPlan> plan(const char* name, const SyscallArguments& arguments) {
  auto planned = std::make_unique<HookPlan>();
  find_hook(std::string_view(name))->plan(arguments, *planned);
  return planned;
}

/// "begin-end begin-end" in hex.
std::string intervals(const HookPlan& plan) {
  std::string text;
  for (const Interval& interval : plan.all()) {
    char part[64];
    std::snprintf(part, sizeof(part), "%s%lx-%lx", text.empty() ? "" : " ", interval.begin,
                  interval.end);
    text += part;
  }
  return text;
}

TEST(HookTable, NamesAndNumbersAreUnique) {
  std::set<std::string> names;
  std::set<long> numbers;
  for (const Hook& hook : all_hooks()) {
    EXPECT_TRUE(names.insert(hook.name).second) << hook.name;
    EXPECT_TRUE(numbers.insert(hook.number).second) << hook.name;
    EXPECT_EQ(find_hook(hook.number), &hook);
  }
  EXPECT_EQ(find_hook(std::string_view("no such call")), nullptr);
  EXPECT_EQ(find_hook(long{SYS_read}), nullptr);
}

TEST(HookPlan, RoundsOutToPages) {
  const auto planned = plan("munmap", {kAddress + 100, 1});
  EXPECT_EQ(intervals(*planned), "10000-11000");
  EXPECT_EQ(planned->cause, InvalidationCause::kUnmap);
  EXPECT_TRUE(planned->changes_fork_policy);
}

TEST(HookPlan, SizesThatWrapAroundAreCut) {
  const auto planned = plan("munmap", {kAddress, UINT64_MAX});
  EXPECT_EQ(intervals(*planned), "10000-fffffffffffff000");
}

TEST(HookPlan, MremapNamesWhatItTakesAway) {
  EXPECT_EQ(intervals(*plan("mremap", {kAddress, kPages4, kPageSize, 0})), "11000-14000");
  EXPECT_EQ(intervals(*plan("mremap", {kAddress, kPageSize, kPages4, 0})), "");
  EXPECT_EQ(intervals(*plan("mremap", {kAddress, kPageSize, kPages4, MREMAP_MAYMOVE})),
            "10000-11000");
  EXPECT_EQ(intervals(*plan(
                "mremap", {kAddress, kPageSize, kPages4, MREMAP_MAYMOVE | MREMAP_FIXED, 0x40000})),
            "10000-11000 40000-44000");
}

/// Pages 1 to 4 of a file of 8, mapped privately: they are notified like shared ones.
class MappedFile : public testing::Test {
 protected:
  MappedFile() {
    EXPECT_EQ(ftruncate(file_, 8 * kPageSize), 0);
    memory_ = mmap(nullptr, kPages4, PROT_READ, MAP_PRIVATE, file_, kPageSize);
    EXPECT_NE(memory_, MAP_FAILED);
  }
  ~MappedFile() override {
    munmap(memory_, kPages4);
    close(file_);
  }

  /// Pages [first, end) of the mapping, as intervals() writes them.
  std::string pages(unsigned first, unsigned end) const {
    HookPlan expected;
    expected.add(reinterpret_cast<std::uintptr_t>(memory_) + first * kPageSize,
                 (end - first) * kPageSize);
    return intervals(expected);
  }

  std::string planned(const char* hook, std::uint64_t second, std::uint64_t third = 0,
                      std::uint64_t fourth = 0) const {
    return intervals(*plan(hook, {static_cast<std::uint64_t>(file_), second, third, fourth}));
  }

  const int file_ = memfd_create("hooks_test", 0);
  void* memory_ = nullptr;
};

TEST_F(MappedFile, TruncationNamesTheMappedPagesBehindTheNewEnd) {
  EXPECT_EQ(planned("ftruncate", 0), pages(0, 4));
  EXPECT_EQ(planned("ftruncate", 3 * kPageSize), pages(2, 4));
  EXPECT_EQ(planned("ftruncate", 2 * kPageSize + 1), pages(2, 4));  // the partial page stays
  EXPECT_EQ(planned("ftruncate", 5 * kPageSize), "");
  EXPECT_EQ(planned("ftruncate", 9 * kPageSize), "");
  const std::string path = "/proc/self/fd/" + std::to_string(file_);
  EXPECT_EQ(intervals(*plan("truncate", {reinterpret_cast<std::uint64_t>(path.c_str()), 0})),
            pages(0, 4));
  EXPECT_EQ(intervals(*plan("truncate", {1, 0})), "");  // no path there
}

TEST_F(MappedFile, HolesNameTheMappedPagesInside) {
  constexpr std::uint64_t kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  EXPECT_EQ(planned("fallocate", kPunch, 0, kPageSize), "");
  EXPECT_EQ(planned("fallocate", kPunch, 2 * kPageSize, kPageSize), pages(1, 2));
  EXPECT_EQ(planned("fallocate", kPunch, 0, UINT64_MAX), pages(0, 4));
  EXPECT_EQ(planned("fallocate", FALLOC_FL_COLLAPSE_RANGE, 3 * kPageSize, kPageSize), pages(2, 4));
  EXPECT_EQ(intervals(*plan("fallocate", {UINT64_MAX, kPunch, 0, kPageSize})), "");  // no file
}

TEST(HookPlan, ForkAdviceChangesPolicyOnly) {
  const auto planned = plan("madvise", {kAddress, kPageSize, MADV_DONTFORK});
  EXPECT_FALSE(planned->invalidates);
  EXPECT_TRUE(planned->changes_fork_policy);
  EXPECT_TRUE(plan("madvise", {kAddress, kPageSize, MADV_DONTNEED})->invalidates);
  EXPECT_FALSE(plan("madvise", {kAddress, kPageSize, MADV_COLD})->invalidates);
}

TEST(HookPlan, MbindInvalidatesOnlyIfItMoves) {
  EXPECT_FALSE(plan("mbind", {kAddress, kPageSize, 0, 0, 0, 0})->invalidates);
  EXPECT_TRUE(plan("mbind", {kAddress, kPageSize, 0, 0, 0, 1 << 1})->invalidates);
}

TEST(HookPlan, MovePagesReadsTheList) {
  void* pages[] = {reinterpret_cast<void*>(0x20008), reinterpret_cast<void*>(0x30000)};
  int nodes[] = {0, 0};
  const SyscallArguments move{0, 2, reinterpret_cast<std::uint64_t>(pages),
                              reinterpret_cast<std::uint64_t>(nodes)};
  EXPECT_EQ(intervals(*plan("move_pages", move)), "20000-21000 30000-31000");
  const SyscallArguments query{0, 2, reinterpret_cast<std::uint64_t>(pages), 0};
  EXPECT_FALSE(plan("move_pages", query)->invalidates);
}

TEST(HookPlan, ListsThatCannotBeReadNameNothing) {
  EXPECT_EQ(intervals(*plan("move_pages", {0, 2, 8, 8})), "");
  EXPECT_EQ(intervals(*plan("process_madvise", {0, 8, 2, MADV_DONTNEED})), "");
}

TEST(HookPlan, ProcessMadviseReadsTheVector) {
  iovec pieces[] = {{reinterpret_cast<void*>(0x20000), kPageSize},
                    {reinterpret_cast<void*>(0x40000), 2 * kPageSize}};
  const SyscallArguments arguments{0, reinterpret_cast<std::uint64_t>(pieces), 2, MADV_PAGEOUT};
  EXPECT_EQ(intervals(*plan("process_madvise", arguments)), "20000-21000 40000-42000");
}

TEST(HookPlan, MoreIntervalsThanRoomAreMerged) {
  HookPlan merged;
  for (std::uintptr_t page = 1; page <= HookPlan::kMaximumIntervals + 10; ++page) {
    merged.add(page * 2 * kPageSize, kPageSize);
  }
  ASSERT_EQ(merged.count, HookPlan::kMaximumIntervals);
  const std::uintptr_t last = HookPlan::kMaximumIntervals + 10;
  EXPECT_EQ(merged.all().back().begin, HookPlan::kMaximumIntervals * 2 * kPageSize);
  EXPECT_EQ(merged.all().back().end, last * 2 * kPageSize + kPageSize);
}

TEST(HookPlan, BrkTakesAwayOnlyWhenItShrinks) {
  EXPECT_EQ(intervals(*plan("brk", {0})), "");
  // After the first plan, which may have grown the heap and left room in it for the others.
  const auto current = static_cast<std::uint64_t>(syscall(SYS_brk, 0));
  EXPECT_EQ(intervals(*plan("brk", {current + kPageSize})), "");
  const auto shrinking = plan("brk", {page_ceil(current) - kPages4});
  ASSERT_EQ(shrinking->count, 1u);
  EXPECT_EQ(shrinking->all()[0].end - shrinking->all()[0].begin, kPages4);
}

TEST(Execute, ReturnsTheErrorAsTheKernelDoes) {
  EXPECT_EQ(execute(SYS_munmap, {1, kPageSize}), -EINVAL);
  EXPECT_EQ(execute(SYS_getpid, {}), getpid());
}

TEST(TryHarmlessly, GrowingInPlaceIsDoneAndMovingIsNot) {
  void* memory = mmap(nullptr, kPages4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const auto begin = reinterpret_cast<std::uint64_t>(memory);
  munmap(reinterpret_cast<void*>(begin + 2 * kPageSize), kPageSize);
  const Hook& mremap_hook = *find_hook(long{SYS_mremap});
  long result = 0;
  EXPECT_TRUE(mremap_hook.try_harmlessly(
      {begin + kPageSize, kPageSize, 2 * kPageSize, MREMAP_MAYMOVE}, result));
  EXPECT_EQ(result, static_cast<long>(begin + kPageSize));
  EXPECT_FALSE(
      mremap_hook.try_harmlessly({begin, kPageSize, 2 * kPageSize, MREMAP_MAYMOVE}, result));
  munmap(memory, kPages4);
}

}  // namespace
}  // namespace softgpu
