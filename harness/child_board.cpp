// SPDX-License-Identifier: MIT
#include "harness/child_board.hpp"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <new>
#include <system_error>

namespace notifier {
namespace {

// Not FUTEX_PRIVATE: the word is shared between processes. The time-out of 100 ms only bounds how
// long a child's death stays unnoticed.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen) {
  const timespec limit{0, 100'000'000};
  syscall(SYS_futex, &word, FUTEX_WAIT, seen, &limit, nullptr, 0);
}

void post(std::atomic<std::uint32_t>& word) {
  word.fetch_add(1, std::memory_order_release);
  syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

bool has_ended(int child) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
         info.si_pid == child;
}

}  // namespace

ChildBoard* ChildBoard::create() {
  void* page = mmap(nullptr, sizeof(ChildBoard), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (page == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), "mmap of the child's board");
  }
  return new (page) ChildBoard{};
}

void ChildBoard::clear() {
  request.store(0);
  reply.store(0);
  newest_epoch_allowed = 0;
  newest_epoch_valid = 0;
  findings = {};
}

void ChildBoard::post_request() { post(request); }
void ChildBoard::post_reply() { post(reply); }

void ChildBoard::wait_for_request(std::uint32_t value) {
  while (true) {
    const std::uint32_t seen = request.load(std::memory_order_acquire);
    if (seen >= value) return;
    futex_wait(request, seen);
  }
}

bool ChildBoard::wait_for_reply(std::uint32_t value, int child) {
  while (true) {
    const std::uint32_t seen = reply.load(std::memory_order_acquire);
    if (seen >= value) return true;
    if (has_ended(child)) return reply.load(std::memory_order_acquire) >= value;
    futex_wait(reply, seen);
  }
}

}  // namespace notifier
