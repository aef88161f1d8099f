// SPDX-License-Identifier: MIT
// notifier_graphics: the graphics path of amdgpu, without ROCm. The only recovery on AMD GPUs in
// which a system call waits for the GPU's jobs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <random>

#include "analysis/summary.hpp"
#include "bench/exit_code.hpp"
#include "bench/finite_job_program.hpp"
#include "bench/graphics_cases.hpp"
#include "bench/recording_identity.hpp"
#include "harness/format.hpp"
#include "harness/gpu_users.hpp"
#include "harness/machine_health.hpp"
#include "harness/pin/clock.hpp"
#include "harness/recording.hpp"

namespace notifier {
namespace {

constexpr const char* kFooter =
    R"(Exit codes: 0 ok; 1 integrity violation or failed case; 2 bad usage; 4 results could not be written;
77 nothing could run here; 130 interrupted.)";

void print_result(const GraphicsResult& result, const std::vector<analysis::SummaryRow>& rows) {
  const double job_ns = result.run_values.empty() ? 0 : result.run_values.front().value;
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [](const auto& one) { return one.metric == "syscall_ns"; });
  const bool measured = row != rows.end();
  fmt::print("{:<58} job {:>9}  call p50 {:>9} max {:>9}  {:<13} {}\n", result.identity.case_name,
             format_duration(job_ns), format_duration(measured ? row->p50 : std::nullopt),
             format_duration(measured ? row->max : std::nullopt), result.identity.recovery_observed,
             result.identity.reason);
}

/// Why the machine is not what it was; empty when it is.
std::string check_health(MachineHealth& health) {
  for (const HealthFinding& finding : health.check()) {
    if (finding.stops_run) {
      return fmt::format("{}: {} ({})", finding.what, finding.text, finding.way_out);
    }
  }
  return "";
}

int run_cases(const FiniteJobOptions& options, std::vector<GraphicsCase> cases, std::uint64_t seed,
              graphics::Device& device, std::vector<std::string> command) {
  NewRecording made = describe_recording("rocm", device.name(), seed, std::move(command));
  Recording recording(options.results, std::move(made.manifest));
  const std::int64_t start_ns = pin::raw_clock_ns();
  MachineHealth health{SystemView()};
  std::mt19937_64 random(seed);
  FiniteJobCounts counts;
  std::string unsafe;
  for (std::uint32_t run = 0; run < options.runs; ++run) {
    std::shuffle(cases.begin(), cases.end(), random);
    for (const GraphicsCase& wanted : cases) {
      if (end_requested() || !unsafe.empty()) break;
      GraphicsResult result = run_graphics_case({.wanted = wanted,
                                                 .events = options.events,
                                                 .run = run,
                                                 .seed = random() >> 16,
                                                 .recording_start_ns = start_ns},
                                                device);
      made.identity.complete(result.identity, recording.name());
      for (analysis::SampleRow& sample : result.samples) sample.recording = recording.name();
      const auto rows = analysis::summarize_run(result.identity, result.samples, result.run_values);
      recording.add(rows, result.samples);
      counts.add(result.identity);
      print_result(result, rows);
      unsafe = check_health(health);
    }
  }
  recording.write_manifest({{"finished_utc", utc_now()},
                            {"interrupted", end_requested()},
                            {"stopped_for_safety", unsafe}});
  const int exit_code = report_counts(counts, unsafe);
  fmt::print("results: {}\n", recording.folder().string());
  return exit_code;
}

int measure(const FiniteJobOptions& options, std::vector<GraphicsCase> cases,
            std::vector<std::string> command) {
  // Before this process is itself one of those who use the GPU.
  const GpuUsers others = find_gpu_users(SystemView());
  std::unique_ptr<graphics::Device> device;
  try {
    device = graphics::open_amdgpu();
  } catch (const std::exception& reason) {
    fmt::print(stderr, "nothing can run here: {}\n", reason.what());
    return kExitNothingRan;
  }
  const auto shared = sharing_refusal(others);
  if (shared && !options.share_gpu) {
    fmt::print(stderr, "nothing is run here: {}; --share-gpu runs anyway\n", *shared);
    return kExitNothingRan;
  }
  const std::uint64_t seed = options.seed ? *options.seed : std::random_device{}();
  fmt::print("{}, platform=rocm (graphics path), seed {}\n", device->name(), seed);
  try {
    return run_cases(options, std::move(cases), seed, *device, std::move(command));
  } catch (const ResultsError& error) {
    fmt::print(stderr, "{}\nWhat was stored before is valid.\n", error.what());
    return kExitResults;
  }
}

int graphics_main(int argc, char** argv) {
  FiniteJobOptions options;
  options.events = 40;
  CLI::App app{"Measures how long system calls wait for graphics jobs on the memory."};
  app.footer(kFooter);
  add_options(app, options);
  std::vector<GraphicsCase> cases = all_graphics_cases();
  if (const auto ended = choose_cases(app, options, cases, argc, argv)) return *ended;
  end_on_signals();
  return measure(options, std::move(cases), {argv, argv + argc});
}

}  // namespace
}  // namespace notifier

int main(int argc, char** argv) {
  try {
    return notifier::graphics_main(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return notifier::kExitViolation;
  }
}
