// SPDX-License-Identifier: MIT
// notifier_drain: what it costs an application to wait for its own finite kernels before it changes
// memory, and what the same call costs beside them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <random>

#include "analysis/summary.hpp"
#include "bench/drain_cases.hpp"
#include "bench/exit_code.hpp"
#include "bench/finite_job_program.hpp"
#include "bench/recording_identity.hpp"
#include "harness/clock_reader.hpp"
#include "harness/device.hpp"
#include "harness/format.hpp"
#include "harness/recording.hpp"
#include "harness/run_safety.hpp"

namespace notifier {
namespace {

constexpr const char* kFooter =
    R"(Cases are named userptr/anon/CALL/default/RECOVERY/job_LENGTH/SIZE. RECOVERY application_drain: the
application waits for its job before the call. preempt: it makes the call beside the running job.

Exit codes: 0 ok; 1 integrity violation or failed case; 2 bad usage; 4 results could not be written;
77 nothing could run here; 130 interrupted.)";

/// The device, its events and the length of its clock's tick.
struct OpenDevice {
  DeviceInfo info;
  std::unique_ptr<DriverEventListener> driver_events;
  double tick_ns = 10;
};

double measure_tick_ns(const ClockReader& reader) {
  constexpr std::int64_t kApartNs = 20'000'000;
  ClockCorrelation clocks;
  clocks.add(reader.read());
  const std::int64_t start_ns = monotonic_raw_ns();
  while (monotonic_raw_ns() - start_ns < kApartNs) {
  }
  clocks.add(reader.read());
  const auto rate = clocks.gpu.rate();
  if (!rate) throw std::runtime_error("the device's clock does not run (hsaKmtGetClockCounters)");
  return 1e9 / rate->units_per_second;
}

OpenDevice open_all() {
  OpenDevice opened{.info = open_device(), .driver_events = {}};
  DriverEventOptions options;
  options.node_id = opened.info.node_id;
  options.gpu_id = opened.info.gpu_id;
  DriverEventListener::Opened events = DriverEventListener::open(options);
  opened.driver_events = std::move(events.listener);
  opened.info.driver_events =
      opened.driver_events ? opened.driver_events->source() : "none: " + events.reason;
  opened.tick_ns = measure_tick_ns(ClockReader(opened.info.node_id));
  return opened;
}

DrainResult run_one(const DrainRequest& request, const OpenDevice& device) {
  const WorkloadGrid grid{device.info.compute_units, device.info.lanes_per_wave};
  const std::uint64_t lines = request.wanted.size_bytes / (kWordsPerLine * sizeof(std::uint64_t));
  if (lines < std::uint64_t{grid.waves} * grid.lanes_per_wave) {
    return drain_case_without(request, analysis::Status::kSkipped,
                              "fewer lines of 64 bytes than lanes");
  }
  std::string obstacle;
  try {
    DrainSession session({.wanted = request.wanted.memory_case(),
                          .job_ns = request.wanted.job_ns,
                          .seed = request.seed,
                          .grid = grid,
                          .tick_ns = device.tick_ns},
                         device.driver_events.get());
    // The path is only known now: newer runtimes register what older ones make a userptr BO.
    obstacle = drain_obstacle(request.wanted, session.path());
    if (obstacle.empty()) return run_drain_case(request, session);
  } catch (const std::exception& error) {
    return drain_case_without(request, analysis::Status::kFailed, error.what());
  }
  return drain_case_without(request, analysis::Status::kSkipped, obstacle);
}

void print_result(const DrainResult& result, const std::vector<analysis::SummaryRow>& rows) {
  const auto median = [&](std::string_view metric) {
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const auto& one) { return one.metric == metric; });
    return format_duration(row == rows.end() ? std::nullopt : row->p50);
  };
  fmt::print("{:<68} drain {:>9}  call {:>9}  stall {:>9}  {:<11} {}\n", result.identity.case_name,
             median("drain_ns"), median("syscall_ns"), median("stall_ns"),
             result.identity.recovery_observed, result.identity.reason);
}

int finish(const FiniteJobCounts& counts, const std::string& unsafe, const Recording& recording,
           const std::string& platform) {
  const int exit_code = report_counts(counts, unsafe);
  if (platform == "software") {
    fmt::print("platform=software: these times describe the software GPU, not AMD hardware.\n");
  }
  fmt::print("results: {}\n", recording.folder().string());
  return exit_code;
}

int run_cases(const FiniteJobOptions& options, std::vector<DrainCase> cases, std::uint64_t seed,
              const OpenDevice& device, RunSafety& safety, std::vector<std::string> command) {
  NewRecording made =
      describe_recording(device.info.platform, device.info.name, seed, std::move(command));
  made.manifest["device"] = to_json(device.info);
  Recording recording(options.results, std::move(made.manifest));
  const std::int64_t start_ns = monotonic_raw_ns();
  std::mt19937_64 random(seed);
  FiniteJobCounts counts;
  std::string unsafe;
  for (std::uint32_t run = 0; run < options.runs; ++run) {
    std::shuffle(cases.begin(), cases.end(), random);
    for (const DrainCase& wanted : cases) {
      if (end_requested() || !unsafe.empty()) break;
      DrainResult result = run_one({.wanted = wanted,
                                    .events = options.events,
                                    .run = run,
                                    .seed = random() >> 16,
                                    .recording_start_ns = start_ns},
                                   device);
      made.identity.complete(result.identity, recording.name());
      for (analysis::SampleRow& sample : result.samples) sample.recording = recording.name();
      const auto rows = analysis::summarize_run(result.identity, result.samples);
      recording.add(rows, result.samples);
      counts.add(result.identity);
      print_result(result, rows);
      unsafe = safety.check_after_case(device.info.platform).value_or("");
    }
  }
  recording.write_manifest({{"finished_utc", utc_now()},
                            {"interrupted", end_requested()},
                            {"stopped_for_safety", unsafe},
                            {"safety", safety.to_json()}});
  return finish(counts, unsafe, recording, device.info.platform);
}

int measure(const FiniteJobOptions& options, std::vector<DrainCase> cases,
            std::vector<std::string> command) {
  // Before this process is itself one of those who use the GPU.
  const GpuUsers others = find_gpu_users(SystemView());
  RunSafety safety{SystemView()};
  OpenDevice device;
  try {
    device = open_all();
  } catch (const std::exception& reason) {
    fmt::print(stderr, "nothing can run here: {}\n", reason.what());
    return kExitNothingRan;
  }
  // Not RunSafety::refusal(): without CWSR the driver waits for these kernels, which end.
  const auto shared = sharing_refusal(others);
  if (shared && device.info.platform == "rocm" && !options.share_gpu) {
    fmt::print(stderr, "nothing is run here: {}; --share-gpu runs anyway\n", *shared);
    return kExitNothingRan;
  }
  const std::uint64_t seed = options.seed ? *options.seed : std::random_device{}();
  fmt::print("{}, platform={}, driver events: {}, seed {}\n", device.info.name,
             device.info.platform, device.info.driver_events, seed);
  try {
    return run_cases(options, std::move(cases), seed, device, safety, std::move(command));
  } catch (const ResultsError& error) {
    fmt::print(stderr, "{}\nWhat was stored before is valid.\n", error.what());
    return kExitResults;
  }
}

int drain_main(int argc, char** argv) {
  FiniteJobOptions options;
  options.events = 20;
  CLI::App app{"Measures what waiting for one's own finite kernels costs before a system call."};
  app.footer(kFooter);
  add_options(app, options);
  std::vector<DrainCase> cases = all_drain_cases();
  if (const auto ended = choose_cases(app, options, cases, argc, argv)) return *ended;
  end_on_signals();
  return measure(options, std::move(cases), {argv, argv + argc});
}

}  // namespace
}  // namespace notifier

int main(int argc, char** argv) {
  try {
    return notifier::drain_main(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return notifier::kExitViolation;
  }
}
