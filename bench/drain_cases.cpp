// SPDX-License-Identifier: MIT
#include "bench/drain_cases.hpp"

#include <fmt/format.h>

#include <array>

#include "analysis/flags.hpp"
#include "harness/case_findings.hpp"

namespace notifier {
namespace {

using analysis::Metric;
using analysis::SampleRow;
using analysis::Status;

constexpr std::array<std::string_view, 7> kPerturbations{
    "sham",      "fork_exit",  "fork_child_hold", "dontneed", "munmap_neighbour",
    "map_fixed", "mremap_move"};

std::int64_t count(std::uint64_t value) { return static_cast<std::int64_t>(value); }

SampleRow make_sample(const DrainRequest& request, const DrainEvent& event) {
  SampleRow sample;
  sample.case_name = request.wanted.name();
  sample.run = request.run.run;
  sample.start_ns = event.enter_ns - request.run.recording_start_ns;
  sample[Metric::kSyscall] = event.syscall_ns;
  sample[Metric::kDrain] = event.drain_ns;
  sample[Metric::kStall] = event.stall_ns;
  std::int64_t evictions = 0;
  std::int64_t restores = 0;
  for (const DriverEvent& one : event.driver_events) {
    evictions += one.kind == DriverEventKind::kQueueEviction ? 1 : 0;
    restores += one.kind == DriverEventKind::kQueueRestore && !one.rescheduled ? 1 : 0;
  }
  sample.evictions = evictions;
  sample.restores = restores;
  if (!event.paired) analysis::add_flag(sample.flags, "not_quiet");
  return sample;
}

void sample_events(const DrainRequest& request, FiniteJobs& jobs, const CaseObserver& observer,
                   CaseResult& result) {
  const Perturbation& sham = *find_perturbation("sham");
  const std::string_view mode = to_string(request.wanted.mode);
  DriverActions driver;
  CaughtJobs caught;
  for_each_event(request.run, result.identity, [&](std::int64_t number, bool is_sham) {
    const Perturbation& row = is_sham ? sham : *request.wanted.perturbation;
    observer.phase(std::string(row.name), number);
    const DrainEvent event = jobs.measure(row, request.wanted.fence);
    for (const DriverEvent& one : event.driver_events) driver.add(one);
    if (!is_sham) {
      caught.add(event.running_when_asked, event.ended_at_return);
      ++result.events_done;
    }
    SampleRow sample = make_sample(request, event);
    sample.event = number;
    sample.kind = is_sham ? analysis::EventKind::kSham : analysis::EventKind::kEvent;
    observer.sample(sample);
    result.identity.outcome = caught.describe("job_ended", "job_running", "mixed");
    put_driver_actions(driver, mode, result.identity);
    put_findings(jobs.findings(), result.identity);
    result.identity.pages_moved_unseen = count(jobs.findings().pages_moved_unseen);
    result.violations = jobs.findings().kept;
    if (request.wanted.fence == Fence::kBeforeCall && !event.ended_at_call) {
      throw std::runtime_error("the fence returned before every wave had left the kernel");
    }
  });
}

}  // namespace

std::string_view DrainCase::recovery() const {
  if (fence == Fence::kAfterCall) return to_string(mode);
  return mode == Recovery::kRetryFault ? "application_drain_retry_fault" : "application_drain";
}

FiniteJobNames DrainCase::names() const {
  return {.memory = to_string(memory),
          .perturbation = perturbation->name,
          .recovery = recovery(),
          .size_bytes = size_bytes,
          .job_ns = job_ns};
}

Case DrainCase::memory_case() const {
  Case made;
  made.memory = memory;
  made.recovery = mode;
  made.perturbation = perturbation->name;
  made.size_bytes = size_bytes;
  return made;
}

std::string drain_obstacle(const DrainCase& wanted, MemoryPath path) {
  const TouchRule rule = touch_rule(wanted.memory_case(), *wanted.perturbation, path);
  if (rule.touch == Touch::kFatal || rule.touch == Touch::kNotApplicable) return rule.reason;
  // A finite job cannot be told to leave a part of its memory.
  if (rule.touch == Touch::kLeavesFirst && wanted.fence == Fence::kAfterCall) {
    return "the job's access while the memory is away would be a fatal fault: only after a fence";
  }
  return "";
}

std::vector<DrainCase> all_drain_cases() {
  std::vector<DrainCase> cases;
  for (const Memory memory : {Memory::kUserptr, Memory::kManaged}) {
    for (const Recovery mode : {Recovery::kPreempt, Recovery::kRetryFault}) {
      for (const std::string_view name : kPerturbations) {
        for (const Fence fence : {Fence::kBeforeCall, Fence::kAfterCall}) {
          for (const std::uint64_t job_ns : kFiniteJobLengthsNs) {
            for (const std::uint64_t size_bytes : kFiniteJobSizes) {
              cases.push_back({memory, mode, find_perturbation(name), fence, size_bytes, job_ns});
            }
          }
        }
      }
    }
  }
  return cases;
}

std::optional<DrainCase> find_drain_case(std::string_view name) {
  for (const DrainCase& one : all_drain_cases()) {
    if (one.name() == name) return one;
  }
  return std::nullopt;
}

analysis::SummaryRow describe_drain_case(const DrainRequest& request) {
  analysis::SummaryRow row = request.wanted.names().row(kDrainCaseVersion);
  row.touch =
      to_string(request.wanted.fence == Fence::kBeforeCall ? Touch::kLeavesFirst : Touch::kKeeps);
  row.run = request.run.run;
  row.seed = count(request.run.seed);
  return row;
}

CaseResult run_drain_case(const DrainRequest& request, FiniteJobs& jobs,
                          const CaseObserver& observer) {
  CaseResult result;
  result.identity = describe_drain_case(request);
  result.identity.memory_path = to_string(jobs.path());
  result.identity.waves = jobs.grid().waves;
  result.identity.lanes_per_wave = jobs.grid().lanes_per_wave;
  try {
    sample_events(request, jobs, observer, result);
  } catch (const CannotPerform& obstacle) {
    result.identity.status = Status::kSkipped;
    result.identity.reason = obstacle.what();
  } catch (const std::exception& error) {
    result.identity.status = Status::kFailed;
    result.identity.reason = error.what();
  }
  return result;
}

}  // namespace notifier
