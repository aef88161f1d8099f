// SPDX-License-Identifier: MIT
// Perturbations of the whole address space: fork and its relatives. The child only reads, writes
// its copy and _exits: HIP and the thunk are unusable in it (kfd_facts §0.16).
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include "harness/integrity.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_timing.hpp"
#include "kernels/record.hpp"

extern char** environ;

namespace notifier::perturbation_calls {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::uint32_t kChildOwner = 250;  // records that a child writes into its own copy

void join_child(EventContext& event) {
  int status = 0;
  while (waitpid(event.child, &status, 0) < 0) {
    throw_if(errno != EINTR, "waitpid for the forked child");
  }
  event.child = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw std::runtime_error(WIFSIGNALED(status)
                               ? "the child died from signal " + std::to_string(WTERMSIG(status))
                               : "the child ended with " + std::to_string(WEXITSTATUS(status)));
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
  event.child = child;
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
    if (observed != make_record(kChildOwner, index, 0, event.seed)) ++findings.foreign;
    ++findings.words_checked;
  }
}

std::uint64_t scan(EventContext& event) {
  const RecordIdentity identity{event.seed, static_cast<std::uint32_t>(event.owner)};
  return scan_child_copy(reinterpret_cast<const std::uint64_t*>(event.slice),
                         event.slice_begin_word, event.slice_bytes / sizeof(std::uint64_t),
                         identity, event.board->newest_epoch_allowed, event.board->findings);
}

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
    if (!inherited.child_sees_memory) return;
    write_copy(inherited);
    inherited.board->wait_for_request(1);
    check_written_copy(inherited);
  });
}

void perform_fork_child_hold(EventContext& event) {
  timed_fork(event, [](EventContext& inherited) {
    inherited.board->wait_for_request(1);
    if (!inherited.child_sees_memory) return;
    const std::uint64_t first = scan(inherited);
    inherited.board->post_reply();
    inherited.board->wait_for_request(2);
    if (scan(inherited) != first) ++inherited.board->findings.foreign;
  });
}

void perform_posix_spawn(EventContext& event) {
  char program[] = "/bin/true";
  char* const arguments[] = {program, nullptr};
  int error = 0;
  timed(event, [&] {
    error = ::posix_spawn(&event.child, program, nullptr, nullptr, arguments, environ);
  });
  errno = error;
  throw_if(error != 0, "posix_spawn of /bin/true");
}

// The child of vfork runs on the parent's memory, so it may do nothing but end.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void perform_vfork(EventContext& event) {
  pid_t child = -1;
  timed(event, [&] {
    child = ::vfork();
    if (child == 0) _exit(0);
  });
  throw_if(child < 0, "vfork");
  event.child = child;
}
#pragma GCC diagnostic pop

void finish_child_exited(EventContext& event) { join_child(event); }

void finish_child_write(EventContext& event) {
  event.board->post_request();
  join_child(event);
}

void finish_child_hold(EventContext& event) {
  // The limit is the pass that any wave may have been in when fork returned.
  event.board->newest_epoch_allowed = event.passes_at_return + 1;
  event.board->post_request();
  if (event.child_sees_memory && event.board->wait_for_reply(1, event.child)) {
    // The first scan took time in which the kernel went on: the second must see the same words.
    event.board->post_request();
  }
  join_child(event);
}

}  // namespace notifier::perturbation_calls
