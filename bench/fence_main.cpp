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
#include <memory>
#include <optional>
#include <random>
#include <system_error>

#include "analysis/summary.hpp"
#include "bench/exit_code.hpp"
#include "bench/fence_chain.hpp"
#include "bench/fence_rows.hpp"
#include "bench/recording_identity.hpp"
#include "bench/row_counts.hpp"
#include "bench/run_options.hpp"
#include "harness/cannot_perform.hpp"
#include "harness/clock_reader.hpp"
#include "harness/recording.hpp"
#include "harness/worker_process.hpp"

namespace notifier {
namespace {

constexpr const char* kMeasuredVariable = "NOTIFIER_FENCE_RECOVERY";
constexpr const char* kSeedVariable = "NOTIFIER_FENCE_SEED";
constexpr std::array kRecoveries{Recovery::kWaitForJobs, Recovery::kPreempt, Recovery::kRetryFault};
constexpr const char* kFooter =
    R"(Cases are named managed/anon/CALL/default/RECOVERY/chain_LENGTH_MEMORY/SIZE: MEMORY is whose memory the
call changes, neither (CALL is sham), a, b or a_and_b.

Exit codes: 0 ok; 1 integrity violation or failed case; 2 bad usage; 4 results could not be written;
77 nothing could run here.)";

struct Program {
  FenceOptions options;
  std::optional<std::uint64_t> seed;
  std::uint32_t runs = 1;
  std::string results = "results";
  bool csv = false;
};

void add_options(CLI::App& app, Program& program) {
  app.footer(kFooter);
  app.add_option("--events", program.options.events, "Events of each point")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  app.add_option("--job", program.options.jobs_ms, "Lengths of each job of the chain, in ms")
      ->check(CLI::Range(1U, 1'000U))
      ->capture_default_str();
  add_runs_option(app, program.runs, "Runs of each point, each in a process of its own");
  app.add_option("--seed", program.seed, "Seed of the phases; printed, replayable");
  add_results_option(app, program.results);
  app.add_flag("--csv", program.csv, "The table as CSV instead of Markdown");
}

/// In a process of one recovery: the device, then a line for each point, for the parent.
int measure(const FenceOptions& options, Recovery recovery) {
  FenceDevice device;
  std::vector<FencePoint> points;
  int code = kExitOk;
  try {
    points = measure_fence_chain(options, recovery, device);
  } catch (const CannotPerform& obstacle) {
    points = fence_points(options, recovery);
    for (FencePoint& point : points) point.skipped = obstacle.what();
    code = kExitNothingRan;
  }
  fmt::print("{}\n", to_text(device));
  for (const FencePoint& point : points) fmt::print("{}\n", to_text(point));
  return code;
}

struct RecoveryResult {
  int code = kExitViolation;
  FenceDevice device;
  std::vector<FencePoint> points;
};

void read_lines(int descriptor, RecoveryResult& result) {
  std::FILE* lines = fdopen(descriptor, "r");
  char* line = nullptr;
  std::size_t capacity = 0;
  if (getline(&line, &capacity, lines) > 0) result.device = fence_device_from_text(line);
  while (getline(&line, &capacity, lines) > 0) {
    result.points.push_back(fence_point_from_text(line));
  }
  std::free(line);
  std::fclose(lines);
}

/// The same program with the same arguments, for one recovery.
RecoveryResult run_recovery(Recovery recovery, std::uint64_t seed, char** argv) {
  Case wanted;
  wanted.recovery = recovery;
  for (const auto& [name, value] : WorkerProcess::environment_for(wanted)) {
    setenv(name.c_str(), value.c_str(), 1);
  }
  setenv(kMeasuredVariable, std::to_string(static_cast<int>(recovery)).c_str(), 1);
  setenv(kSeedVariable, std::to_string(seed).c_str(), 1);
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
  RecoveryResult result;
  read_lines(ends[0], result);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  return result;
}

/// A recovery whose process did not come to its end is a failed row for each of its points.
void complete_points(const FenceOptions& options, Recovery recovery, RecoveryResult& result) {
  if (result.code == kExitOk || result.code == kExitNothingRan) return;
  result.points = fence_points(options, recovery);
  for (FencePoint& point : result.points) {
    point.failed =
        fmt::format("the process that measured {} ended with {}", to_string(recovery), result.code);
  }
}

/// All of the program's rows, and what its table is made of.
class Fences {
 public:
  Fences(const Program& program, std::uint64_t seed, std::vector<std::string> command)
      : program_(program), seed_(seed), command_(std::move(command)) {}

  void run(Recovery recovery, std::uint32_t run_number, char** argv) {
    const std::uint64_t seed = seed_ + run_number;
    RecoveryResult result = run_recovery(recovery, seed, argv);
    complete_points(program_.options, recovery, result);
    if (recording_ == nullptr && !result.device.platform.empty()) start_recording(result.device);
    for (const FencePoint& point : result.points) {
      store(fence_rows(point, run_number, seed, start_ns_));
      add(point);
    }
  }

  int finish() {
    if (recording_ == nullptr) {
      fmt::print(stderr, "nothing can run here: {}\n", reason_);
      return counts_.exit_code();
    }
    recording_->write_manifest({{"finished_utc", utc_now()}, {"interrupted", false}});
    fmt::print("{}", program_.csv ? fence_chain_csv(points_) : fence_chain_markdown(points_));
    if (program_.csv) return counts_.exit_code();
    fmt::print("{}\n", counts_.sentence());
    fmt::print("results: {}\n", recording_->folder().string());
    return counts_.exit_code();
  }

 private:
  void start_recording(const FenceDevice& device) {
    NewRecording made = describe_recording(device.platform, device.name, seed_, command_);
    identity_ = made.identity;
    start_ns_ = monotonic_raw_ns();
    recording_ = std::make_unique<Recording>(program_.results, std::move(made.manifest));
  }

  /// Before any process has said which device there is, no row can be complete.
  void store(FenceRows rows) {
    counts_.add(rows.identity);
    if (recording_ == nullptr) {
      if (reason_.empty()) reason_ = rows.identity.reason;
      return;
    }
    identity_.complete(rows.identity, recording_->name());
    for (analysis::SampleRow& sample : rows.samples) sample.recording = recording_->name();
    recording_->add(analysis::summarize_run(rows.identity, rows.samples), rows.samples);
  }

  /// The events of all runs of a point together.
  void add(const FencePoint& point) {
    for (FencePoint& known : points_) {
      if (fence_case_name(known) != fence_case_name(point)) continue;
      known.call_ns.insert(known.call_ns.end(), point.call_ns.begin(), point.call_ns.end());
      known.chain_ns.insert(known.chain_ns.end(), point.chain_ns.begin(), point.chain_ns.end());
      known.ended_at_return += point.ended_at_return;
      known.violations += point.violations;
      return;
    }
    points_.push_back(point);
  }

  const Program& program_;
  std::uint64_t seed_;
  std::vector<std::string> command_;
  RecordingIdentity identity_;
  std::int64_t start_ns_ = monotonic_raw_ns();
  std::unique_ptr<Recording> recording_;
  std::vector<FencePoint> points_;
  RowCounts counts_;
  std::string reason_;  // why no device could be opened
};

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
  const std::uint64_t seed = program.seed ? *program.seed : std::random_device{}();
  program.options.seed = seed;
  if (const char* recovery = std::getenv(kMeasuredVariable)) {
    if (const char* of_run = std::getenv(kSeedVariable)) {
      program.options.seed = std::strtoull(of_run, nullptr, 10);
    }
    return measure(program.options, static_cast<Recovery>(std::atoi(recovery)));
  }
  if (!program.csv) fmt::print("seed {}\n\n", seed);
  std::fflush(stdout);
  try {
    Fences fences(program, seed, {argv, argv + argc});
    for (std::uint32_t run = 0; run < program.runs; ++run) {
      for (const Recovery recovery : kRecoveries) fences.run(recovery, run, argv);
    }
    return fences.finish();
  } catch (const ResultsError& error) {
    fmt::print(stderr, "{}\nWhat was stored before is valid.\n", error.what());
    return kExitResults;
  }
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
