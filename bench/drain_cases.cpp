// SPDX-License-Identifier: MIT
#include "bench/drain_cases.hpp"

#include <fmt/format.h>

#include <array>

#include "analysis/flags.hpp"

namespace notifier {
namespace {

using analysis::Metric;
using analysis::SampleRow;
using analysis::Status;

constexpr std::uint32_t kShamPeriod = 5;  // one for four, as in every other family
constexpr std::array<std::string_view, 7> kPerturbations{
    "sham",      "fork_exit",  "fork_child_hold", "dontneed", "munmap_neighbour",
    "map_fixed", "mremap_move"};
constexpr std::array<std::uint64_t, 3> kSizes{64 << 10, 4 << 20, 64 << 20};
constexpr std::array<std::uint64_t, 3> kJobs{1'000'000, 5'000'000, 20'000'000};

std::int64_t count(std::uint64_t value) { return static_cast<std::int64_t>(value); }

analysis::SummaryRow describe(const DrainRequest& request) {
  const DrainCase& wanted = request.wanted;
  analysis::SummaryRow row;
  row.case_name = wanted.name();
  row.case_version = kDrainCaseVersion;
  row.memory = "userptr";
  row.backing = "anon";
  row.perturbation = wanted.perturbation->name;
  row.policy = "default";
  row.recovery = wanted.recovery();
  row.context = fmt::format("job_{}ms", wanted.job_ns / 1'000'000);
  row.touch = to_string(wanted.fence == Fence::kBeforeCall ? Touch::kLeavesFirst : Touch::kKeeps);
  row.size_bytes = count(wanted.size_bytes);
  row.run = request.run;
  row.seed = count(request.seed);
  return row;
}

/// Where the job was when the call returned, of the events that caught it running.
struct JobEnds {
  std::uint32_t ended = 0;
  std::uint32_t running = 0;

  std::string_view outcome() const {
    if (ended + running == 0) return "";
    return running == 0 ? "job_ended" : ended == 0 ? "job_running" : "mixed";
  }
};

SampleRow make_sample(const DrainRequest& request, const DrainEvent& event) {
  SampleRow sample;
  sample.case_name = request.wanted.name();
  sample.run = request.run;
  sample.start_ns = event.enter_ns - request.recording_start_ns;
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

void put_findings(const CaseFindings& findings, analysis::SummaryRow& row) {
  const ViolationCounts& counts = findings.violations;
  row.violations_stale = count(counts[ViolationClass::kStale]);
  row.violations_torn = count(counts[ViolationClass::kTorn]);
  row.violations_lost = count(counts[ViolationClass::kLost]);
  row.violations_foreign = count(counts[ViolationClass::kForeign]);
  row.violations_zero = count(counts[ViolationClass::kZero]);
  row.violations_protocol = count(counts[ViolationClass::kProtocol]);
  row.violations_missed = count(counts[ViolationClass::kMissed]);
  row.pages_moved_unseen = count(findings.pages_moved_unseen);
  row.words_checked = count(findings.words_checked);
}

void put_driver_actions(const DriverActions& driver, analysis::SummaryRow& row) {
  row.recovery_observed = driver.recovery_observed();
  row.driver_actions = driver.describe();
  row.evictions = count(driver.evictions());
  row.restores_rescheduled = count(driver.restores_rescheduled());
  if (driver.differs_from(row.memory_path, row.recovery)) {
    analysis::add_flag(row.flags, "recovery_differs");
  }
}

void sample_events(const DrainRequest& request, FiniteJobs& jobs, DrainResult& result) {
  const Perturbation& sham = *find_perturbation("sham");
  DriverActions driver;
  JobEnds ends;
  for (std::uint32_t number = 0, done = 0; done < request.events; ++number) {
    const bool is_sham = number % kShamPeriod == kShamPeriod / 2;
    const Perturbation& row = is_sham ? sham : *request.wanted.perturbation;
    const DrainEvent event = jobs.measure(row, request.wanted.fence);
    for (const DriverEvent& one : event.driver_events) driver.add(one);
    if (!is_sham) {
      ++done;
      ends.ended += event.running_when_asked && event.ended_at_return ? 1 : 0;
      ends.running += event.running_when_asked && !event.ended_at_return ? 1 : 0;
    }
    SampleRow sample = make_sample(request, event);
    sample.event = number;
    sample.kind = is_sham ? analysis::EventKind::kSham : analysis::EventKind::kEvent;
    result.samples.push_back(std::move(sample));
    result.identity.outcome = ends.outcome();
    put_driver_actions(driver, result.identity);
    put_findings(jobs.findings(), result.identity);
    if (request.wanted.fence == Fence::kBeforeCall && !event.ended_at_call) {
      throw std::runtime_error("the fence returned before every wave had left the kernel");
    }
  }
}

}  // namespace

std::string_view DrainCase::recovery() const {
  return fence == Fence::kBeforeCall ? kApplicationDrain : to_string(Recovery::kPreempt);
}

std::string DrainCase::name() const {
  return fmt::format("userptr/anon/{}/default/{}/job_{}ms/{}", perturbation->name, recovery(),
                     job_ns / 1'000'000, format_size(size_bytes));
}

Case DrainCase::memory_case() const {
  Case made;
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
  for (const std::string_view name : kPerturbations) {
    for (const Fence fence : {Fence::kBeforeCall, Fence::kAfterCall}) {
      for (const std::uint64_t job_ns : kJobs) {
        for (const std::uint64_t size_bytes : kSizes) {
          cases.push_back({find_perturbation(name), fence, size_bytes, job_ns});
        }
      }
    }
  }
  return cases;
}

DrainResult drain_case_without(const DrainRequest& request, Status status,
                               const std::string& reason) {
  DrainResult result;
  result.identity = describe(request);
  result.identity.status = status;
  result.identity.reason = reason;
  return result;
}

DrainResult run_drain_case(const DrainRequest& request, FiniteJobs& jobs) {
  DrainResult result;
  result.identity = describe(request);
  result.identity.memory_path = to_string(jobs.path());
  result.identity.waves = jobs.grid().waves;
  result.identity.lanes_per_wave = jobs.grid().lanes_per_wave;
  try {
    sample_events(request, jobs, result);
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
