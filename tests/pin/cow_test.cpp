// SPDX-License-Identifier: MIT
// The two cases of Linux's selftests/mm/cow.c in which the child is the one who holds the pages: a
// pipe of the child must not see what the parent writes after a fork (CVE-2020-29374), on each kind
// of page. All others are rows of the perturbation table; docs/pinning.md has the list.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "harness/pin/error.hpp"
#include "harness/pin/region.hpp"
#include "harness/pin/words.hpp"

namespace notifier::pin {
namespace {

constexpr std::uint64_t kSeed = 5;

/// In the child: takes hold, unmaps, lets the parent write, reads. Ends with 0 when all words are
/// those from before the fork.
[[noreturn]] void hold_and_read(int socket, const Region& region) {
  const std::span<std::byte> memory = region.used();
  static std::array<std::byte, kUsedBytes> seen;
  std::array<int, 2> ends{};
  const iovec part{memory.data(), memory.size()};
  char byte = 'h';
  bool done = pipe(ends.data()) == 0 && fcntl(ends[1], F_SETPIPE_SZ, memory.size()) > 0 &&
              vmsplice(ends[1], &part, 1, 0) == static_cast<ssize_t>(memory.size()) &&
              munmap(region.address(), region.area_bytes()) == 0;
  done = done && write(socket, &byte, 1) == 1 && ::read(socket, &byte, 1) == 1;
  for (std::size_t got = 0; done && got < seen.size();) {
    const ssize_t count = ::read(ends[0], seen.data() + got, seen.size() - got);
    done = count > 0;
    if (done) got += static_cast<std::size_t>(count);
  }
  if (!done) _exit(2);
  const WordCounts counts = count_words(seen, kSeed);
  _exit(counts.process_initial == counts.total ? 0 : 1);
}

/// Ends as the child did: 0 when its pipe had the data from before the fork, 1 when others.
int run(Region& region, bool with_mprotect) {
  write_words(region.used(), Writer::kProcess, kInitialEpoch, kSeed);
  region.settle();
  std::array<int, 2> ends{};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    hold_and_read(ends[1], region);
  }
  close(ends[1]);
  char byte = 0;
  EXPECT_EQ(read(ends[0], &byte, 1), 1) << "the child took hold of nothing";
  if (with_mprotect) {
    EXPECT_EQ(mprotect(region.address(), region.area_bytes(), PROT_READ), 0);
    EXPECT_EQ(mprotect(region.address(), region.area_bytes(), PROT_READ | PROT_WRITE), 0);
  }
  write_words(region.used(), Writer::kProcess, kFinalEpoch, kSeed);
  EXPECT_EQ(write(ends[0], &byte, 1), 1);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  close(ends[0]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class Cow : public testing::TestWithParam<BackingRow> {
 protected:
  // cow.c expects the leak of pages of the pool (run_with_hugetlb, is_hugetlb): their references do
  // not count (mm/hugetlb.c hugetlb_wp). Here it is shown, and that the check can fail with it.
  void expect_no_leak(bool with_mprotect) {
    try {
      Region region({.backing = GetParam().backing});
      EXPECT_EQ(run(region, with_mprotect), GetParam().pages == Pages::kHugetlb ? 1 : 0);
    } catch (const CannotRun& reason) {
      GTEST_SKIP() << reason.what();
    }
  }
};

TEST_P(Cow, ThePipeOfAChildDoesNotSeeTheParentsWrites) { expect_no_leak(false); }

TEST_P(Cow, NorAfterTheParentsMprotect) { expect_no_leak(true); }

INSTANTIATE_TEST_SUITE_P(Pages, Cow, testing::ValuesIn(backings().begin(), backings().end()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace notifier::pin
