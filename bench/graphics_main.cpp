// SPDX-License-Identifier: MIT
// notifier_graphics: the graphics path of amdgpu, without ROCm. The only recovery on AMD GPUs in
// which a system call waits for the GPU's jobs.
#include <fmt/format.h>

#include "bench/finite_job_program.hpp"
#include "bench/graphics_cases.hpp"
#include "harness/format.hpp"
#include "harness/gpu_users.hpp"
#include "harness/machine_health.hpp"

namespace notifier {
namespace {

constexpr const char* kFooter =
    R"(Exit codes: 0 ok; 1 integrity violation or failed case; 2 bad usage; 4 results could not be written;
77 nothing could run here; 130 interrupted.)";

void print_result(const FiniteJobResult& result, const std::vector<analysis::SummaryRow>& rows) {
  const double job_ns = result.run_values.empty() ? 0 : result.run_values.front().value;
  fmt::print("{:<58} job {:>9}  call {:>9}  {:<13} {}\n", result.identity.case_name,
             format_duration(job_ns), median_of("syscall_ns", rows),
             result.identity.recovery_observed, result.identity.reason);
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

int measure(const FiniteJobOptions& options, const std::vector<GraphicsCase>& cases,
            std::vector<std::string> command) {
  // Before this process is itself one of those who use the GPU.
  const GpuUsers others = find_gpu_users_at_rest(SystemView());
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
  const std::uint64_t seed = seed_of(options);
  fmt::print("{}, platform=rocm (graphics path), seed {}\n", device->name(), seed);
  MachineHealth health{SystemView()};
  return record_finite_jobs(options, cases.size(), std::move(command),
                            {.platform = "rocm",
                             .device = device->name(),
                             .measure =
                                 [&](std::size_t number, const FiniteJobRun& run) {
                                   return run_graphics_case({.wanted = cases[number], .run = run},
                                                            *device);
                                 },
                             .print = print_result,
                             .unsafe_reason = [&] { return check_health(health); }},
                            seed);
}

int graphics_main(int argc, char** argv) {
  CLI::App app{"Measures how long system calls wait for graphics jobs on the memory."};
  app.footer(kFooter);
  FiniteJobOptions options;
  options.events = 40;
  return finite_job_main(argc, argv, app, options, all_graphics_cases(), measure);
}

}  // namespace
}  // namespace notifier

int main(int argc, char** argv) { return notifier::graphics_main(argc, argv); }
