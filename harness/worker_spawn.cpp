// SPDX-License-Identifier: MIT
#include "harness/worker_spawn.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <vector>

#include "harness/bystander_process.hpp"
#include "harness/worker_protocol.hpp"

namespace notifier {
namespace {

using Environment = std::map<std::string, std::string>;

constexpr std::chrono::seconds kReapLimit{10};

struct SocketPair {
  FileDescriptor first;
  FileDescriptor second;

  SocketPair() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      throw std::system_error(errno, std::generic_category(), "socketpair for a worker");
    }
    first = FileDescriptor(ends[0]);
    second = FileDescriptor(ends[1]);
  }
};

std::vector<std::string> environment_with(const Environment& changes) {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (changes.count(text.substr(0, text.find('='))) == 0) entries.push_back(text);
  }
  for (const auto& [name, value] : changes) entries.push_back(name + "=" + value);
  return entries;
}

/// `sockets`: the variables that name the descriptors which the process keeps.
pid_t spawn(Environment environment, const std::map<const char*, int>& sockets) {
  const pid_t pid = fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork of a worker");
  if (pid != 0) return pid;
  for (const auto& [variable, descriptor] : sockets) {
    fcntl(descriptor, F_SETFD, 0);
    environment[variable] = std::to_string(descriptor);
  }
  std::vector<std::string> entries = environment_with(environment);
  std::vector<char*> pointers;
  for (std::string& entry : entries) pointers.push_back(entry.data());
  pointers.push_back(nullptr);
  char name[] = "notifier_bench_worker";
  char* const arguments[] = {name, nullptr};
  execve("/proc/self/exe", arguments, pointers.data());
  _exit(127);
}

}  // namespace

SpawnedWorker spawn_worker(const Environment& environment) {
  SpawnedWorker spawned;
  SocketPair to_worker;
  std::map<const char*, int> sockets{{kWorkerSocketVariable, to_worker.second.get()}};
  Environment alone = environment;
  if (alone.erase(kWithBystanderVariable) == 0) {
    spawned.pid = spawn(environment, sockets);
  } else {
    SocketPair between;
    spawned.bystander_pid = spawn(alone, {{kWorkerSocketVariable, between.second.get()}});
    sockets[kBystanderSocketVariable] = between.first.get();
    spawned.pid = spawn(environment, sockets);
  }
  spawned.socket = std::move(to_worker.first);
  return spawned;
}

bool kill_and_reap(pid_t pid, int& wait_status) {
  kill(pid, SIGKILL);
  const auto limit = std::chrono::steady_clock::now() + kReapLimit;
  const timespec pause{0, 5'000'000};
  while (std::chrono::steady_clock::now() < limit) {
    const pid_t ended = waitpid(pid, &wait_status, WNOHANG);
    if (ended == pid || (ended < 0 && errno == ECHILD)) return true;
    nanosleep(&pause, nullptr);
  }
  return false;
}

}  // namespace notifier
