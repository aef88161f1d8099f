// SPDX-License-Identifier: MIT
// Tests that need a software GPU run in a process of their own, exec'd: a device's system-call
// filter is for ever and is inherited by every process that is started from there on.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace softgpu_test {

/// A function that can be run in a process of its own.
class ProcessBody {
 public:
  ProcessBody(const char* name, void (*run)());

  /// Runs the body called `name`; to be called by main() for the arguments of an exec'd child.
  static int run_named(const std::string& name);

 private:
  const char* name_;
  void (*run_)();
  ProcessBody* next_;
};

struct ProcessResult {
  int exit_status = -1;  // -1 when a signal ended it
  int signal = 0;
  std::string output;  // standard output and standard error

  bool passed() const { return exit_status == 0; }
};

using Environment = std::map<std::string, std::string>;

/// Runs a body with these environment variables added. It dies with this process.
ProcessResult run_process(const std::string& name, const Environment& environment = {});

/// For bodies: ends the process with a message and status 1 unless the condition holds.
void require(bool condition, const char* expression, const char* file, int line);

/// For bodies: ends the process with status 77; the test skips with the reason.
[[noreturn]] void skip_process(const std::string& reason);
inline constexpr int kSkipStatus = 77;

/// Passes, fails or skips the running test as its process did.
void expect_passed(const ProcessResult& result);

}  // namespace softgpu_test

#define REQUIRE(condition) \
  ::softgpu_test::require(static_cast<bool>(condition), #condition, __FILE__, __LINE__)

/// A body to be run by name, with whatever environment.
#define PROCESS_BODY(name)                                              \
  static void name();                                                   \
  static const ::softgpu_test::ProcessBody name##_process(#name, name); \
  static void name()

/// A test whose body is a process; it must exit with status 0.
#define PROCESS_TEST(suite, name)                                                            \
  static void suite##_##name##_body();                                                       \
  static const ::softgpu_test::ProcessBody suite##_##name##_process(#suite "_" #name,        \
                                                                    &suite##_##name##_body); \
  TEST(suite, name) {                                                                        \
    ::softgpu_test::expect_passed(::softgpu_test::run_process(#suite "_" #name));            \
  }                                                                                          \
  static void suite##_##name##_body()
