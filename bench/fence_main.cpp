// SPDX-License-Identifier: MIT
// notifier_fences: a chain of jobs across two devices, while memory of the chain is invalidated, in
// each recovery. One process each, since a recovery is chosen when the runtime starts.
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <system_error>

#include "bench/exit_code.hpp"
#include "bench/fence_chain.hpp"
#include "harness/cannot_perform.hpp"
#include "harness/worker_process.hpp"

namespace notifier {
namespace {

constexpr const char* kMeasuredVariable = "NOTIFIER_FENCE_RECOVERY";
constexpr const char* kSeedVariable = "NOTIFIER_FENCE_SEED";
constexpr std::array kRecoveries{Recovery::kWaitForJobs, Recovery::kPreempt, Recovery::kRetryFault};

struct Program {
  FenceOptions options;
  std::optional<std::uint64_t> seed;
  bool csv = false;
};

void add_options(CLI::App& app, Program& program) {
  app.add_option("--events", program.options.events, "Events of each point")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  app.add_option("--job", program.options.jobs_ms, "Lengths of each job of the chain, in ms")
      ->check(CLI::Range(1U, 1'000U))
      ->capture_default_str();
  app.add_option("--seed", program.seed, "Seed of the phases; printed, replayable")
      ->envname(kSeedVariable);
  app.add_flag("--csv", program.csv, "CSV instead of Markdown");
}

/// In a process of one recovery: a line for each point, for the parent.
int measure(const FenceOptions& options, Recovery recovery) {
  try {
    for (const FencePoint& point : measure_fence_chain(options, recovery)) {
      fmt::print("{}\n", to_text(point));
    }
    return kExitOk;
  } catch (const CannotPerform& obstacle) {
    fmt::print(stderr, "{}: skipped: {}\n", to_string(recovery), obstacle.what());
    return kExitNothingRan;
  }
}

/// The same program with the same arguments, for one recovery. Its points are added to `points`.
int run_recovery(Recovery recovery, char** argv, std::vector<FencePoint>& points) {
  Case wanted;
  wanted.recovery = recovery;
  for (const auto& [name, value] : WorkerProcess::environment_for(wanted)) {
    setenv(name.c_str(), value.c_str(), 1);
  }
  setenv(kMeasuredVariable, std::to_string(static_cast<int>(recovery)).c_str(), 1);
  setenv("SOFTGPU_DEVICES", "2", 0);
  // Allowed beside these kernels, which end by themselves.
  setenv("SOFTGPU_ALLOWED_CALLS",
         "hipLaunchKernel,hipStreamQuery,hipStreamSynchronize,hipSetDevice,hipEventRecord,"
         "hipStreamWaitEvent",
         1);
  int ends[2];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  pid_t child = 0;
  const int error = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) throw std::system_error(error, std::generic_category(), "posix_spawn");
  std::FILE* lines = fdopen(ends[0], "r");
  char* line = nullptr;
  std::size_t capacity = 0;
  while (getline(&line, &capacity, lines) > 0) points.push_back(fence_point_from_text(line));
  std::free(line);
  std::fclose(lines);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kExitViolation;
}

int fences_main(int argc, char** argv) {
  Program program;
  CLI::App app{
      "Job B on device 1 waits for job A on device 0: how long a call that changes their memory "
      "takes, and how much later B ends, in each recovery."};
  add_options(app, program);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  program.options.seed = program.seed ? *program.seed : std::random_device{}();
  if (const char* recovery = std::getenv(kMeasuredVariable)) {
    return measure(program.options, static_cast<Recovery>(std::atoi(recovery)));
  }
  setenv(kSeedVariable, std::to_string(program.options.seed).c_str(), 1);
  if (!program.csv) fmt::print("seed {}\n\n", program.options.seed);
  std::fflush(stdout);
  std::vector<FencePoint> points;
  int failed = kExitOk;
  for (const Recovery recovery : kRecoveries) {
    const int code = run_recovery(recovery, argv, points);
    if (code != kExitOk && code != kExitNothingRan) failed = code;
  }
  if (points.empty() && failed == kExitOk) {
    fmt::print(stderr, "nothing can run here, for the reasons above\n");
    return kExitNothingRan;
  }
  std::uint64_t violations = 0;
  for (const FencePoint& point : points) violations += point.violations;
  fmt::print("{}", program.csv ? fence_chain_csv(points) : fence_chain_markdown(points));
  if (!program.csv) fmt::print("{} integrity violations\n", violations);
  if (violations > 0) return kExitViolation;
  if (failed != kExitOk) return failed;
  return kExitOk;
}

}  // namespace
}  // namespace notifier

int main(int argc, char** argv) {
  try {
    return notifier::fences_main(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return notifier::kExitViolation;
  }
}
