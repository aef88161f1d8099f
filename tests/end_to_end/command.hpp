// SPDX-License-Identifier: MIT
// Runs a program as a user would and keeps what it said.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace notifier::testing {

struct Finished {
  int exit_code = -1;  // 128 + signal when it was killed
  std::string out;
  std::string err;
};

class Command {
 public:
  explicit Command(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}
  Command& environment(const std::string& name, const std::string& value);
  /// Runs in the child between fork and exec.
  Command& before_exec(std::function<void()> prepare);

  Finished run();
  /// Starts, waits until stderr contains `text`, runs `act` with the process id, then waits.
  Finished run_and_act(const std::string& text, const std::function<void(pid_t)>& act);

 private:
  std::vector<std::string> arguments_;
  std::map<std::string, std::string> environment_;
  std::function<void()> prepare_;
};

/// The program under test with `arguments` behind it.
Command bench(std::vector<std::string> arguments);

/// A fresh folder that is removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::string text() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

/// The one recording below `results`; fails the test when there is not exactly one.
std::filesystem::path only_recording(const std::filesystem::path& results);

/// Children of a process, from /proc.
std::vector<pid_t> children_of(pid_t pid);

}  // namespace notifier::testing
