// SPDX-License-Identifier: MIT
// notifier_drain: what it costs an application to wait for its own finite kernels before it changes
// memory, and what the same call costs beside them. This process never touches HIP; its workers,
// one per XNACK mode, are started from this same program.
#include <fmt/format.h>

#include <chrono>

#include "bench/drain_worker.hpp"
#include "bench/finite_job_program.hpp"
#include "harness/run_safety.hpp"
#include "harness/worker_pool.hpp"

namespace notifier {
namespace {

constexpr const char* kFooter =
    R"(Cases are named MEMORY/anon/CALL/default/RECOVERY/job_LENGTH/SIZE. RECOVERY application_drain: the
application waits for its job before the call; application_drain_retry_fault: the same in a process
with HSA_XNACK=1. preempt and retry_fault: it makes the call beside the running job, without and with.

Exit codes: 0 ok; 1 integrity violation or failed case; 2 bad usage; 4 results could not be written;
77 nothing could run here; 130 interrupted.)";

/// A job may be preempted again and again by what else happens; beyond this it hangs.
constexpr std::chrono::seconds kPatience{20};

/// The cases of a run, each in the worker that it needs.
class DrainSuite {
 public:
  DrainSuite(const std::vector<DrainCase>& cases, DeviceInfo device, WorkerPool workers,
             RunSafety safety)
      : cases_(cases),
        device_(std::move(device)),
        workers_(std::move(workers)),
        safety_(std::move(safety)) {}

  FiniteJobResult measure(std::size_t case_number, const FiniteJobRun& run) {
    const DrainRequest request{.wanted = cases_[case_number], .run = run};
    FiniteJobResult result;
    result.identity = describe_drain_case(request);
    const Case memory = request.wanted.memory_case();
    const CaseParts parts{.memory = to_string(memory.memory),
                          .backing = to_string(memory.backing),
                          .perturbation = memory.perturbation,
                          .recovery = to_string(memory.recovery),
                          .finite = true};
    if (const auto refused = safety_.case_refusal(parts, device_.platform)) {
      result.identity.status = analysis::Status::kSkipped;
      result.identity.reason = *refused;
      return result;
    }
    RunOutcome outcome = workers_.run(WorkerProcess::environment_for(memory), to_json(request),
                                      kPatience, end_requested);
    if (outcome.result) result.identity = std::move(outcome.result->identity);
    if (!outcome.result) put_missing_result(outcome, result.identity);
    result.samples = std::move(outcome.samples);
    if (outcome.worker_unkillable) unsafe_reason_ = "a worker hangs in the kernel and cannot end";
    return result;
  }

  std::string unsafe_reason() {
    if (unsafe_reason_.empty()) {
      unsafe_reason_ = safety_.check_after_case(device_.platform).value_or("");
    }
    return unsafe_reason_;
  }

  nlohmann::json safety() const { return safety_.to_json(); }

 private:
  const std::vector<DrainCase>& cases_;
  DeviceInfo device_;
  WorkerPool workers_;
  RunSafety safety_;
  std::string unsafe_reason_;
};

void print_result(const FiniteJobResult& result, const std::vector<analysis::SummaryRow>& rows) {
  fmt::print("{:<81} drain {:>9}  call {:>9}  stall {:>9}  {:<11} {}\n", result.identity.case_name,
             median_of("drain_ns", rows), median_of("syscall_ns", rows),
             median_of("stall_ns", rows), result.identity.recovery_observed,
             result.identity.reason);
}

int measure(const FiniteJobOptions& options, const std::vector<DrainCase>& cases,
            std::vector<std::string> command) {
  RunSafety safety{SystemView()};  // before a worker is itself one of those who use the GPU
  const WorkerProcess::Environment usual = WorkerProcess::environment_for(Case{});
  std::unique_ptr<WorkerProcess> worker = WorkerProcess::start(usual);
  if (!worker->device()) {
    fmt::print(stderr, "nothing can run here: {}\n", worker->no_device_reason());
    return kExitNothingRan;
  }
  const DeviceInfo device = *worker->device();
  if (const auto refusal = safety.refusal_to_share(device.platform, options.share_gpu)) {
    fmt::print(stderr, "nothing is run here: {}\n", *refusal);
    return kExitNothingRan;
  }
  WorkerPool workers;
  workers.adopt(usual, std::move(worker));
  const std::uint64_t seed = seed_of(options);
  fmt::print("{}, platform={}, driver events: {}, seed {}\n", device.name, device.platform,
             device.driver_events, seed);
  DrainSuite suite(cases, device, std::move(workers), std::move(safety));
  return record_finite_jobs(
      options, cases.size(), std::move(command),
      {.platform = device.platform,
       .device = device.uuid,
       .manifest = {{"device", to_json(device)}},
       .measure = [&](std::size_t number,
                      const FiniteJobRun& run) { return suite.measure(number, run); },
       .print = print_result,
       .unsafe_reason = [&] { return suite.unsafe_reason(); },
       .manifest_end =
           [&] {
             return nlohmann::json{{"safety", suite.safety()}};
           }},
      seed);
}

int drain_main(int argc, char** argv) {
  CLI::App app{"Measures what waiting for one's own finite kernels costs before a system call."};
  app.footer(kFooter);
  FiniteJobOptions options;
  options.events = 20;
  return finite_job_main(argc, argv, app, options, all_drain_cases(), measure);
}

}  // namespace
}  // namespace notifier

int main(int argc, char** argv) {
  if (notifier::is_worker()) return notifier::worker_main(notifier::drain_tasks());
  return notifier::drain_main(argc, argv);
}
