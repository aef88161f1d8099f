// SPDX-License-Identifier: MIT
// What is made of finite jobs and of the driver's events, with both invented. The device's side is
// Drain.RunsAndItsResultsAreValid.
#include "bench/drain_cases.hpp"

#include <gmock/gmock.h>

#include <set>

#include "analysis/flags.hpp"
#include "bench/drain_worker.hpp"
#include "harness/worker_process.hpp"

namespace notifier {
namespace {

using testing::HasSubstr;

DriverEvent driver_event(DriverEventKind kind, EvictionTrigger trigger) {
  DriverEvent event;
  event.kind = kind;
  event.trigger = static_cast<std::uint32_t>(trigger);
  return event;
}

/// Every call evicts and restores queues by `trigger`, a sham nothing.
class FakeJobs final : public FiniteJobs {
 public:
  MemoryPath path() const override { return memory_path; }
  WorkloadGrid grid() const override { return {2, 64}; }
  DrainEvent measure(const Perturbation& row, Fence fence) override {
    DrainEvent event;
    event.syscall_ns = 1'000;
    event.running_when_asked = true;
    event.ended_at_call = fence == Fence::kBeforeCall && fence_holds;
    event.ended_at_return = event.ended_at_call;
    if (fence == Fence::kBeforeCall) event.drain_ns = 2'500'000;
    if (fence == Fence::kAfterCall) event.stall_ns = 1'200'000;
    if (row.name == "sham" || !evicts) return event;
    event.driver_events = {driver_event(DriverEventKind::kQueueEviction, trigger),
                           driver_event(DriverEventKind::kQueueRestore, trigger)};
    return event;
  }
  const CaseFindings& findings() const override { return found; }

  MemoryPath memory_path = MemoryPath::kUserptrBo;
  EvictionTrigger trigger = EvictionTrigger::kUserptr;
  bool evicts = true;
  bool fence_holds = true;
  CaseFindings found;
};

DrainRequest request(std::string_view perturbation, Fence fence) {
  return {.wanted = {.perturbation = find_perturbation(perturbation),
                     .fence = fence,
                     .size_bytes = 64 << 10,
                     .job_ns = 5'000'000},
          .run = {.events = 4, .run = 3, .seed = 7}};
}

/// What the case gave, with the samples that its observer was told of.
struct Ran {
  analysis::SummaryRow identity;
  std::vector<analysis::SampleRow> samples;
};

Ran run(const DrainRequest& wanted, FiniteJobs& jobs) {
  Ran ran;
  const CaseObserver observer{
      .phase = [](const std::string&, std::int64_t) {},
      .sample = [&](const analysis::SampleRow& sample) { ran.samples.push_back(sample); }};
  ran.identity = run_drain_case(wanted, jobs, observer).identity;
  return ran;
}

TEST(DrainCases, NamesAreUniqueAndNoneSaysThatTheDriverWaits) {
  std::set<std::string> names;
  for (const DrainCase& one : all_drain_cases()) {
    EXPECT_TRUE(names.insert(one.name()).second);
    EXPECT_NE(one.recovery(), "wait_for_jobs");
    EXPECT_NE(one.perturbation, nullptr);
  }
  EXPECT_EQ(names.count("userptr/anon/dontneed/default/application_drain/job_5ms/4MiB"), 1u);
  EXPECT_EQ(names.count("userptr/anon/fork_exit/default/preempt/job_20ms/64KiB"), 1u);
}

TEST(DrainCases, EachXnackModeIsACaseAndAWorkerOfItsOwn) {
  const auto drained =
      find_drain_case("managed/anon/dontneed/default/application_drain/job_5ms/4MiB");
  const auto retrying =
      find_drain_case("managed/anon/dontneed/default/application_drain_retry_fault/job_5ms/4MiB");
  const auto beside = find_drain_case("userptr/anon/dontneed/default/retry_fault/job_5ms/4MiB");
  ASSERT_TRUE(drained && retrying && beside);
  EXPECT_EQ(drained->memory_case().memory, Memory::kManaged);
  EXPECT_EQ(retrying->fence, Fence::kBeforeCall);
  EXPECT_EQ(beside->fence, Fence::kAfterCall);
  const auto environment = [](const DrainCase& one) {
    return WorkerProcess::environment_for(one.memory_case());
  };
  EXPECT_EQ(environment(*drained).at("HSA_XNACK"), "0");
  EXPECT_EQ(environment(*retrying).at("HSA_XNACK"), "1");
  EXPECT_EQ(environment(*retrying), environment(*beside));
  EXPECT_FALSE(find_drain_case("managed/anon/dontneed/default/wait_for_jobs/job_5ms/4MiB"));
}

TEST(DrainCases, TheRequestReachesTheWorkerWhole) {
  DrainRequest sent = request("fork_exit", Fence::kAfterCall);
  sent.wanted.memory = Memory::kManaged;
  sent.wanted.mode = Recovery::kRetryFault;
  sent.run.recording_start_ns = -5;
  sent.run.time_limit = std::chrono::seconds(7);
  const DrainRequest arrived = drain_request_from_json(nlohmann::json::parse(to_json(sent).dump()));
  EXPECT_EQ(arrived.wanted.name(), sent.wanted.name());
  EXPECT_EQ(arrived.run.events, 4u);
  EXPECT_EQ(arrived.run.run, 3u);
  EXPECT_EQ(arrived.run.seed, 7u);
  EXPECT_EQ(arrived.run.recording_start_ns, -5);
  EXPECT_EQ(arrived.run.time_limit, std::chrono::seconds(7));
  EXPECT_THROW(drain_request_from_json({{"case", "userptr"}}), std::invalid_argument);
}

TEST(DrainCases, AnSvmRangeThatStopsQueuesWithRetryFaultsOnIsFlagged) {
  FakeJobs jobs;
  jobs.memory_path = MemoryPath::kSvmRange;
  jobs.trigger = EvictionTrigger::kSvm;
  DrainRequest wanted = request("dontneed", Fence::kBeforeCall);
  EXPECT_FALSE(analysis::has_flag(run(wanted, jobs).identity.flags, "recovery_differs"));
  wanted.wanted.mode = Recovery::kRetryFault;
  EXPECT_TRUE(analysis::has_flag(run(wanted, jobs).identity.flags, "recovery_differs"));
}

TEST(DrainCases, KfdEvictsAlthoughNothingRunsAndTheRowSaysSo) {
  FakeJobs jobs;
  const Ran result = run(request("dontneed", Fence::kBeforeCall), jobs);
  EXPECT_EQ(result.identity.status, analysis::Status::kOk) << result.identity.reason;
  EXPECT_EQ(result.identity.recovery, "application_drain");
  EXPECT_EQ(result.identity.recovery_observed, "preempt");
  EXPECT_EQ(result.identity.driver_actions, "evict_userptr=4 restore=4");
  EXPECT_EQ(result.identity.evictions, 4);
  EXPECT_EQ(result.identity.outcome, "job_ended");
  EXPECT_FALSE(analysis::has_flag(result.identity.flags, "recovery_differs"));
  ASSERT_EQ(result.samples.size(), 5u);  // one sham among them
  EXPECT_EQ(result.samples[2].kind, analysis::EventKind::kSham);
  EXPECT_EQ(result.samples[2].evictions, 0);
  EXPECT_EQ(result.samples[4].evictions, 1);
  EXPECT_EQ(result.samples[4][analysis::Metric::kDrain], 2'500'000);
  EXPECT_FALSE(result.samples[4][analysis::Metric::kStall]);
}

TEST(DrainCases, ACallBesideTheJobHasAStallAndNoDrain) {
  FakeJobs jobs;
  const Ran result = run(request("dontneed", Fence::kAfterCall), jobs);
  EXPECT_EQ(result.identity.recovery, "preempt");
  EXPECT_EQ(result.identity.outcome, "job_running");
  EXPECT_EQ(result.samples[0][analysis::Metric::kStall], 1'200'000);
  EXPECT_FALSE(result.samples[0][analysis::Metric::kDrain]);
}

TEST(DrainCases, NothingSeenIsNotCalledADrain) {
  FakeJobs jobs;
  jobs.evicts = false;
  EXPECT_EQ(run(request("dontneed", Fence::kBeforeCall), jobs).identity.recovery_observed, "none");
}

TEST(DrainCases, AnotherPathsTriggerIsFlagged) {
  FakeJobs jobs;
  jobs.trigger = EvictionTrigger::kSvm;
  const auto flags = run(request("dontneed", Fence::kBeforeCall), jobs).identity.flags;
  EXPECT_TRUE(analysis::has_flag(flags, "recovery_differs"));
}

TEST(DrainCases, AFenceThatDoesNotHoldIsAFailedCaseWithItsSamples) {
  FakeJobs jobs;
  jobs.fence_holds = false;
  const Ran result = run(request("dontneed", Fence::kBeforeCall), jobs);
  EXPECT_EQ(result.identity.status, analysis::Status::kFailed);
  EXPECT_THAT(result.identity.reason, HasSubstr("fence"));
  EXPECT_EQ(result.samples.size(), 1u);
}

TEST(DrainCases, ACaseEndsWithItsTime) {
  FakeJobs jobs;
  DrainRequest wanted = request("dontneed", Fence::kBeforeCall);
  wanted.run.time_limit = std::chrono::milliseconds(0);
  const Ran result = run(wanted, jobs);
  EXPECT_EQ(result.identity.status, analysis::Status::kOk);
  EXPECT_EQ(result.identity.reason, "stopped after 1 of 4 events: time limit of 0 s");
  EXPECT_EQ(result.samples.size(), 1u);
}

TEST(DrainCases, ViolationsOfTheJobsAreTheRows) {
  FakeJobs jobs;
  jobs.found.violations[ViolationClass::kStale] = 3;
  const Ran result = run(request("sham", Fence::kBeforeCall), jobs);
  EXPECT_EQ(analysis::total_violations(result.identity), 3);
}

TEST(DrainCases, WhatTakesMemoryAwayNeedsTheFence) {
  const auto obstacle = [](std::string_view row, Fence fence, MemoryPath path) {
    return drain_obstacle(request(row, fence).wanted, path);
  };
  EXPECT_EQ(obstacle("mremap_move", Fence::kBeforeCall, MemoryPath::kUserptrBo), "");
  EXPECT_THAT(obstacle("mremap_move", Fence::kAfterCall, MemoryPath::kUserptrBo),
              HasSubstr("only after a fence"));
  // An SVM range has ended: the next job's access would be fatal, too.
  EXPECT_THAT(obstacle("map_fixed", Fence::kBeforeCall, MemoryPath::kSvmRange),
              HasSubstr("ends with its mapping"));
  EXPECT_EQ(obstacle("dontneed", Fence::kAfterCall, MemoryPath::kSvmRange), "");
}

}  // namespace
}  // namespace notifier
