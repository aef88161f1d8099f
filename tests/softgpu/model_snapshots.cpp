// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model.hpp"
#include "process_test.hpp"

namespace softgpu_test {
namespace {

constexpr std::size_t kHeldAtOnce = 2;

}  // namespace

void Model::fork_and_hold() {
  if (snapshots_.size() < kHeldAtOnce) {
    snapshots_.push_back(take_snapshot());
  }
}

void Model::let_go() {
  if (!snapshots_.empty()) {
    const Snapshot snapshot = snapshots_.back();
    snapshots_.pop_back();
    finish_snapshot(snapshot);
  }
}

Model::Snapshot Model::take_snapshot() {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    char byte = 0;
    close(ends[1]);
    [[maybe_unused]] const ssize_t got = read(ends[0], &byte, 1);
    _exit(child_agrees() ? 0 : 1);
  }
  close(ends[0]);
  return {pid, ends[1]};
}

void Model::finish_snapshot(const Snapshot& snapshot) {
  close(snapshot.go);
  int status = 0;
  REQUIRE(waitpid(snapshot.pid, &status, 0) == snapshot.pid);
  REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/// In the child: its memory is what it was at the fork, whatever the parent has done since.
bool Model::child_agrees() {
  for (Region& region : regions_) {
    for (std::size_t word = 0; word < kWords; ++word) {
      const std::uint64_t seen = *region.word(word);
      if (seen != region.expected[word] && !storing_.may_be(region, word, seen)) {
        return false;
      }
      *region.word(word) = ~0ull;  // nobody else must see this
    }
  }
  return true;
}

}  // namespace softgpu_test
