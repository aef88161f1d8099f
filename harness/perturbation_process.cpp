// SPDX-License-Identifier: MIT
// Perturbations of the whole address space: fork and its relatives. The child only reads, writes
// its copy and _exits: HIP and the thunk are unusable in it (kfd_facts §0.16).
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include "harness/cannot_perform.hpp"
#include "harness/clock_reader.hpp"
#include "harness/integrity.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_timing.hpp"
#include "kernels/record.hpp"

extern char** environ;

namespace notifier::perturbation_calls {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::uint32_t kChildOwner = 250;  // records that a child writes into its own copy

void join(pid_t& child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    throw_if(errno != EINTR, "waitpid for the child");
  }
  child = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw std::runtime_error(WIFSIGNALED(status)
                               ? "the child died from signal " + std::to_string(WTERMSIG(status))
                               : "the child ended with " + std::to_string(WEXITSTATUS(status)));
}

void join_children(EventContext& event) {
  for (pid_t& child : event.children) {
    if (child == 0) continue;
    join(child);
    event.child_end_ns = monotonic_raw_ns();
  }
}

/// Forks; the parent's fork() is timed, the child runs `body` and ends.
template <typename Body>
void timed_fork(EventContext& event, Body&& body) {
  event.board->clear();
  pid_t child = -1;
  timed(event, [&] {
    child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      body(event);
      _exit(0);
    }
  });
  throw_if(child < 0, "fork");
  event.children[0] = child;
}

void write_copy(EventContext& event) {
  for (std::size_t offset = 0; offset < event.slice_bytes; offset += kPageBytes) {
    auto* word = reinterpret_cast<std::uint64_t*>(event.slice + offset);
    const std::uint64_t index = event.slice_begin_word + offset / sizeof(std::uint64_t);
    __atomic_store_n(word, make_record(kChildOwner, index, 0, event.seed), __ATOMIC_RELAXED);
  }
}

/// Counts pages whose record of the child is gone: somebody else wrote into the child's copy.
void check_written_copy(EventContext& event) {
  ChildFindings& findings = event.board->findings;
  for (std::size_t offset = 0; offset < event.slice_bytes; offset += kPageBytes) {
    const auto* word = reinterpret_cast<const std::uint64_t*>(event.slice + offset);
    const std::uint64_t index = event.slice_begin_word + offset / sizeof(std::uint64_t);
    const std::uint64_t observed = __atomic_load_n(word, __ATOMIC_RELAXED);
    if (observed != make_record(kChildOwner, index, 0, event.seed)) {
      findings.add(findings.foreign, index, observed);
    }
    ++findings.words_checked;
  }
}

/// MADV_WIPEONFORK: any word that is not zero has leaked from the parent.
std::uint64_t scan_wiped(EventContext& event) {
  ChildFindings& findings = event.board->findings;
  const auto* words = reinterpret_cast<const std::uint64_t*>(event.slice);
  for (std::size_t word = 0; word < event.slice_bytes / sizeof(std::uint64_t); ++word) {
    const std::uint64_t observed = __atomic_load_n(&words[word], __ATOMIC_RELAXED);
    if (observed != 0) findings.add(findings.foreign, event.slice_begin_word + word, observed);
    ++findings.words_checked;
  }
  return 0;
}

std::uint64_t scan(EventContext& event) {
  if (event.child_view == ChildView::kZeros) return scan_wiped(event);
  const RecordIdentity identity{event.seed, static_cast<std::uint32_t>(event.owner)};
  return scan_child_copy(reinterpret_cast<const std::uint64_t*>(event.slice),
                         event.slice_begin_word, event.slice_bytes / sizeof(std::uint64_t),
                         identity, event.board->newest_epoch_allowed, event.board->findings);
}

/// Shared memory goes on changing under the child, so there is nothing it could expect.
bool has_own_memory(const EventContext& event) {
  return event.slice != nullptr &&
         (event.child_view == ChildView::kCopy || event.child_view == ChildView::kZeros);
}

/// A store that changes no content: it breaks copy-on-write, and as a locked operation it cannot
/// lose what the device stores meanwhile.
void touch(std::byte* page) {
  __atomic_fetch_or(reinterpret_cast<std::uint64_t*>(page), 0, __ATOMIC_RELAXED);
}

int end_at_once(void*) { return 0; }

}  // namespace

void throw_if(bool failed, const char* what) {
  if (failed) throw std::system_error(errno, std::generic_category(), what);
}

void perform_none(EventContext& event) {
  timed(event, [] {});
}

void perform_sham(EventContext& event) {
  timed(event, [] { syscall(SYS_getpid); });
}

void perform_fork_exit(EventContext& event) {
  timed_fork(event, [](EventContext&) {});
}

void perform_fork_child_write(EventContext& event) {
  timed_fork(event, [](EventContext& inherited) {
    if (!has_own_memory(inherited)) return;
    write_copy(inherited);
    inherited.board->wait_for_request(1);
    check_written_copy(inherited);
  });
}

void perform_fork_child_hold(EventContext& event) {
  timed_fork(event, [](EventContext& inherited) {
    inherited.board->wait_for_request(1);
    if (!has_own_memory(inherited)) return;
    const std::uint64_t first = scan(inherited);
    inherited.board->post_reply();
    inherited.board->wait_for_request(2);
    if (scan(inherited) != first) ++inherited.board->findings.foreign;
  });
}

void perform_fork_parent_write(EventContext& event) {
  perform_fork_child_hold(event);
  if (event.slice == nullptr) return;
  const std::int64_t before_ns = monotonic_raw_ns();
  touch(event.slice);
  event.first_write_ns = static_cast<double>(monotonic_raw_ns() - before_ns);
  for (std::size_t offset = kPageBytes; offset < event.slice_bytes; offset += kPageBytes) {
    touch(event.slice + offset);
  }
}

void perform_fork_workers(EventContext& event) {
  constexpr std::size_t kWorkers = 4;
  event.board->clear();
  bool failed = false;
  timed(event, [&] {
    for (std::size_t worker = 0; worker < kWorkers && !failed; ++worker) {
      const pid_t child = fork();
      if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        event.board->wait_for_request(1);
        _exit(0);
      }
      failed = child < 0;
      event.children[worker] = std::max(child, 0);
    }
  });
  if (failed) event.board->post_request();  // those that are there may go
  throw_if(failed, "fork of a worker");
}

void perform_fork_exec(EventContext& event) {
  timed_fork(event, [](EventContext&) {
    execl("/bin/true", "true", nullptr);
    _exit(127);
  });
}

void perform_fork_storm(EventContext& event) {
  timed(event, [&] {
    for (pid_t& child : event.children) {
      child = fork();
      if (child == 0) _exit(0);
      if (child < 0) break;
    }
  });
  const bool failed = event.children.back() <= 0;
  for (pid_t& child : event.children) child = std::max(child, 0);
  throw_if(failed, "fork");
}

void perform_posix_spawn(EventContext& event) {
  char program[] = "/bin/true";
  char* const arguments[] = {program, nullptr};
  int error = 0;
  timed(event, [&] {
    error = ::posix_spawn(event.children.data(), program, nullptr, nullptr, arguments, environ);
  });
  errno = error;
  throw_if(error != 0, "posix_spawn of /bin/true");
}

/// libtsan makes a fork of vfork (tsan_interceptors_posix.cpp) and faults in a process that shares
/// our memory.
void refuse_under_thread_sanitizer() {
#if defined(__SANITIZE_THREAD__)
  throw CannotPerform("ThreadSanitizer cannot follow a process on the same memory");
#endif
}

// The child of vfork runs on the parent's memory, so it may do nothing but end.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void perform_vfork(EventContext& event) {
  refuse_under_thread_sanitizer();
  pid_t child = -1;
  timed(event, [&] {
    child = ::vfork();
    if (child == 0) _exit(0);
  });
  throw_if(child < 0, "vfork");
  event.children[0] = child;
}
#pragma GCC diagnostic pop

void perform_clone_vm(EventContext& event) {
  refuse_under_thread_sanitizer();
  // Its own stack, on memory that it shares with everybody; free again when the child is joined.
  alignas(16) static std::array<std::byte, 64 << 10> stack;
  int child = -1;
  timed(event, [&] {
    child = clone(end_at_once, stack.data() + stack.size(), CLONE_VM | SIGCHLD, nullptr);
  });
  throw_if(child < 0, "clone(CLONE_VM)");
  event.children[0] = child;
}

void finish_children_exited(EventContext& event) { join_children(event); }

void finish_workers(EventContext& event) {
  event.board->post_request();
  join_children(event);
}

void finish_child_write(EventContext& event) {
  event.board->post_request();
  join_children(event);
}

void finish_child_hold(EventContext& event) {
  // The limit is the pass that any wave may have been in when fork returned.
  event.board->newest_epoch_allowed = event.passes_at_return + 1;
  event.board->post_request();
  if (has_own_memory(event) && event.board->wait_for_reply(1, event.children[0])) {
    // The first scan took time in which the kernel went on: the second must see the same words.
    event.board->post_request();
  }
  join_children(event);
}

void prepare_unknown_buffer(EventContext& event) {
  void* memory = mmap(nullptr, event.slice_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  throw_if(memory == MAP_FAILED, "mmap of a buffer that the device does not know");
  event.spare = static_cast<std::byte*>(memory);
}

void finish_unknown_buffer(EventContext& event) {
  join_children(event);
  throw_if(munmap(event.spare, event.slice_bytes) != 0, "munmap of the unknown buffer");
}

}  // namespace notifier::perturbation_calls
