// SPDX-License-Identifier: MIT
#include "harness/pin/child.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

#include "harness/pin/clock.hpp"
#include "harness/pin/error.hpp"

namespace notifier::pin {
namespace {

constexpr char kScan = 's';
constexpr char kWrite = 'w';

ChildReport look(std::span<std::byte> memory, std::uint64_t seed) {
  ChildReport report;
  std::array<unsigned char, kFrames> residency;
  // mincore() fails with ENOMEM for a hole; a load would end the child.
  report.mapped = mincore(memory.data(), kPageBytes, residency.data()) == 0;
  if (!report.mapped) return report;
  report.words = count_words(memory, seed);
  report.digest = digest_words(memory);
  report.frames_known = read_page_entries(memory.data(), report.frames);
  return report;
}

[[noreturn]] void serve(int socket, std::span<std::byte> memory, std::uint64_t seed) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  ChildReport report = look(memory, seed);
  while (::write(socket, &report, sizeof(report)) == static_cast<ssize_t>(sizeof(report))) {
    char command = 0;
    if (::read(socket, &command, 1) != 1) break;
    if (command == kWrite) write_words(memory, Writer::kChild, kFirstWriterEpoch, seed);
    report = look(memory, seed);
  }
  _exit(0);
}

}  // namespace

Child::Child(std::byte* memory, std::size_t bytes, std::uint64_t seed) {
  std::array<int, 2> ends{};
  throw_if(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0, "socketpair");
  socket_ = FileDescriptor(ends[0]);
  FileDescriptor other(ends[1]);
  const std::int64_t enter_ns = raw_clock_ns();
  const pid_t pid = fork();
  if (pid == 0) {
    // Its own copy of the parent's end would hide the parent's death.
    ::close(ends[0]);
    serve(ends[1], {memory, bytes}, seed);
  }
  fork_ns_ = raw_clock_ns() - enter_ns;
  throw_if(pid < 0, "fork");
  pid_ = pid;
  // From here on only the child has the other end open, or its death would not be seen.
  other.reset();
  if (::read(socket_.get(), &first_, sizeof(first_)) != static_cast<ssize_t>(sizeof(first_))) {
    end();
    throw std::runtime_error("the forked child ended before its first report");
  }
}

Child::~Child() { end(); }

ChildReport Child::ask(char command) {
  ChildReport report;
  if (::write(socket_.get(), &command, 1) != 1 ||
      ::read(socket_.get(), &report, sizeof(report)) != static_cast<ssize_t>(sizeof(report))) {
    throw std::runtime_error("the forked child ended unexpectedly");
  }
  return report;
}

void Child::write() {
  ask(kWrite);
  has_written_ = true;
}

ChildReport Child::scan() { return ask(kScan); }

void Child::end() {
  if (pid_ <= 0) return;
  socket_.reset();
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace notifier::pin
