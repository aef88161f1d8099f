// SPDX-License-Identifier: MIT
#include "process_test.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace softgpu_test {
namespace {

constexpr std::string_view kBodyArgument = "--process-body=";

ProcessBody* first_body = nullptr;

std::string read_all(int descriptor) {
  std::string text;
  char buffer[4096];
  for (ssize_t got = read(descriptor, buffer, sizeof(buffer)); got > 0;
       got = read(descriptor, buffer, sizeof(buffer))) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

[[noreturn]] void exec_body(const std::string& name, const Environment& environment, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  for (const auto& [variable, value] : environment) {
    setenv(variable.c_str(), value.c_str(), 1);
  }
  const std::string argument = std::string(kBodyArgument) + name;
  execl("/proc/self/exe", "softgpu_tests", argument.c_str(), nullptr);
  _exit(127);
}

}  // namespace

ProcessBody::ProcessBody(const char* name, void (*run)())
    : name_(name), run_(run), next_(first_body) {
  first_body = this;
}

int ProcessBody::run_named(const std::string& name) {
  for (const ProcessBody* body = first_body; body != nullptr; body = body->next_) {
    if (name == body->name_) {
      body->run_();
      std::fflush(stdout);
      return 0;
    }
  }
  std::fprintf(stderr, "no process body is called %s\n", name.c_str());
  return 2;
}

ProcessResult run_process(const std::string& name, const Environment& environment) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return {};
  }
  const pid_t child = fork();
  if (child == 0) {
    exec_body(name, environment, ends[1]);
  }
  close(ends[1]);
  ProcessResult result;
  result.output = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  result.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return result;
}

void require(bool condition, const char* expression, const char* file, int line) {
  if (!condition) {
    std::printf("%s:%d: does not hold: %s\n", file, line, expression);
    std::fflush(stdout);
    _exit(1);
  }
}

void skip_process(const std::string& reason) {
  std::printf("skipped: %s\n", reason.c_str());
  std::fflush(stdout);
  _exit(kSkipStatus);
}

void expect_passed(const ProcessResult& result) {
  if (result.exit_status == kSkipStatus) {
    GTEST_SKIP() << result.output;
  }
  EXPECT_TRUE(result.passed()) << "exit status " << result.exit_status << ", signal "
                               << result.signal << "\n"
                               << result.output;
}

}  // namespace softgpu_test

int main(int argc, char** argv) {
  const std::string_view argument = argc > 1 ? argv[1] : "";
  if (argument.starts_with(softgpu_test::kBodyArgument)) {
    return softgpu_test::ProcessBody::run_named(
        std::string(argument.substr(softgpu_test::kBodyArgument.size())));
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
