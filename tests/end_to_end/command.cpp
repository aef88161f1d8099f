// SPDX-License-Identifier: MIT
#include "command.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

namespace notifier::testing {
namespace {

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) ADD_FAILURE() << "pipe2";
  }
  ~Pipe() {
    for (const int end : ends) {
      if (end >= 0) close(end);
    }
  }
  void close_write_end() {
    close(ends[1]);
    ends[1] = -1;
  }
};

/// Appends what can be read; false at the end of file.
bool drain(int descriptor, std::string& text) {
  std::array<char, 4096> bytes;
  const ssize_t count = read(descriptor, bytes.data(), bytes.size());
  if (count <= 0) return false;
  text.append(bytes.data(), static_cast<std::size_t>(count));
  return true;
}

}  // namespace

Command& Command::environment(const std::string& name, const std::string& value) {
  environment_[name] = value;
  return *this;
}

Command& Command::before_exec(std::function<void()> prepare) {
  prepare_ = std::move(prepare);
  return *this;
}

Finished Command::run() {
  return run_and_act("", [](pid_t) {});
}

Finished Command::run_and_act(const std::string& text, const std::function<void(pid_t)>& act) {
  Pipe out;
  Pipe err;
  std::vector<char*> pointers;
  for (std::string& argument : arguments_) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(out.ends[1], STDOUT_FILENO);
    dup2(err.ends[1], STDERR_FILENO);
    for (const auto& [name, value] : environment_) setenv(name.c_str(), value.c_str(), 1);
    if (prepare_) prepare_();
    execv(pointers[0], pointers.data());
    _exit(126);
  }
  out.close_write_end();
  err.close_write_end();
  Finished finished;
  bool out_open = true;
  bool err_open = true;
  bool acted = text.empty();
  while (out_open || err_open) {
    std::array<pollfd, 2> waited{
        {{out_open ? out.ends[0] : -1, POLLIN, 0}, {err_open ? err.ends[0] : -1, POLLIN, 0}}};
    poll(waited.data(), waited.size(), -1);
    if (waited[0].revents != 0) out_open = drain(out.ends[0], finished.out);
    if (waited[1].revents != 0) err_open = drain(err.ends[0], finished.err);
    if (!acted && finished.err.find(text) != std::string::npos) {
      acted = true;
      act(pid);
    }
  }
  int status = 0;
  waitpid(pid, &status, 0);
  finished.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  EXPECT_TRUE(acted) << "it never said '" << text << "':\n" << finished.err;
  return finished;
}

Command bench(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), NOTIFIER_BENCH_PROGRAM);
  return Command(std::move(arguments));
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "end_to_end_XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "mkdtemp " << pattern;
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path only_recording(const std::filesystem::path& results) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(results)) {
    if (entry.path().filename() == "manifest.json") found.push_back(entry.path().parent_path());
  }
  EXPECT_EQ(found.size(), 1u);
  return found.empty() ? std::filesystem::path() : found.front();
}

std::vector<pid_t> children_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  std::vector<pid_t> children;
  for (pid_t child = 0; in >> child;) children.push_back(child);
  return children;
}

}  // namespace notifier::testing
