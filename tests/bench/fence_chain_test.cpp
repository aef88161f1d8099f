// SPDX-License-Identifier: MIT
#include "bench/fence_chain.hpp"

#include <gmock/gmock.h>

#include "bench/fence_rows.hpp"

namespace notifier {
namespace {

using testing::HasSubstr;
using testing::Not;

FencePoint point(Recovery recovery, Invalidated invalidated, std::vector<double> call_ns,
                 std::uint32_t ended_at_return) {
  FencePoint made;
  made.recovery = recovery;
  made.invalidated = invalidated;
  made.job_ms = 5;
  made.call_ns = std::move(call_ns);
  made.chain_ns.assign(made.call_ns.size(), 11e6);
  made.enter_ns.assign(made.call_ns.size(), 2'000);
  made.ended_at_return = ended_at_return;
  return made;
}

TEST(FencePoints, AreFourForEachLengthOfJobs) {
  const std::vector<FencePoint> points = fence_points({.jobs_ms = {1, 20}}, Recovery::kPreempt);
  ASSERT_EQ(points.size(), 8u);
  EXPECT_EQ(points[0].invalidated, Invalidated::kNeither);
  EXPECT_EQ(points[3].invalidated, Invalidated::kBoth);
  EXPECT_EQ(points[3].job_ms, 1u);
  EXPECT_EQ(points[4].job_ms, 20u);
  EXPECT_TRUE(points[4].call_ns.empty());
}

TEST(FencePointText, ComesBackAsItWas) {
  FencePoint sent = point(Recovery::kRetryFault, Invalidated::kBoth, {1.5, 2e6}, 1);
  sent.violations[ViolationClass::kTorn] = 3;
  sent.skipped = "a \"reason\"";
  const FencePoint received = fence_point_from_text(to_text(sent));
  EXPECT_EQ(received.recovery, sent.recovery);
  EXPECT_EQ(received.invalidated, sent.invalidated);
  EXPECT_EQ(received.job_ms, 5u);
  EXPECT_EQ(received.size_bytes, sent.size_bytes);
  EXPECT_EQ(received.skipped, sent.skipped);
  EXPECT_EQ(received.enter_ns, sent.enter_ns);
  EXPECT_EQ(received.call_ns, sent.call_ns);
  EXPECT_EQ(received.chain_ns, sent.chain_ns);
  EXPECT_EQ(received.ended_at_return, 1u);
  EXPECT_EQ(received.violations[ViolationClass::kTorn], 3u);
  EXPECT_EQ(received.violations.total(), 3u);
  const FenceDevice device = fence_device_from_text(to_text(FenceDevice{"software", "a b"}));
  EXPECT_EQ(device.platform, "software");
  EXPECT_EQ(device.name, "a b");
}

TEST(FencePointText, OfSomethingElseIsRefused) {
  for (const char* line : {"", "free text", "{}", R"({"recovery":"preempt"})"}) {
    EXPECT_THROW(fence_point_from_text(line), std::invalid_argument) << line;
    EXPECT_THROW(fence_device_from_text(line), std::invalid_argument) << line;
  }
}

TEST(FenceTable, SaysWhichCallIsUnbounded) {
  const std::vector<FencePoint> points{
      point(Recovery::kWaitForJobs, Invalidated::kNeither, {100, 100}, 0),
      point(Recovery::kWaitForJobs, Invalidated::kB, {9e6, 8e6}, 2),
      point(Recovery::kPreempt, Invalidated::kNeither, {100, 100}, 0),
      point(Recovery::kPreempt, Invalidated::kB, {4e4, 5e4}, 0)};
  const std::string table = fence_chain_markdown(points);
  EXPECT_THAT(table, HasSubstr("wait_for_jobs: unbounded"));
  EXPECT_THAT(table, HasSubstr("In 2 of 2 events A and B had ended"));
  EXPECT_THAT(table, HasSubstr("preempt: bounded"));
  EXPECT_THAT(table, HasSubstr("In 0 of 2 events"));
  EXPECT_THAT(table, Not(HasSubstr("retry_fault"))) << "nothing was measured of it";
}

/// 11 ms with the call, of which the reference takes 9 ms.
TEST(FenceTable, BsDelayIsAgainstTheCallThatChangesNothing) {
  FencePoint reference = point(Recovery::kPreempt, Invalidated::kNeither, {100}, 0);
  reference.chain_ns = {9e6};
  const std::vector<FencePoint> points{reference,
                                       point(Recovery::kPreempt, Invalidated::kA, {50'000}, 0)};
  EXPECT_THAT(fence_chain_csv(points), HasSubstr("preempt,a,5,1,50000,50000,11000000,2000000,0,0"));
  EXPECT_THAT(fence_chain_csv(points), HasSubstr("preempt,neither,5,1,100,100,9000000,,0,0"));
}

TEST(FenceTable, LeavesOutWhatWasNotMeasured) {
  FencePoint skipped = point(Recovery::kRetryFault, Invalidated::kB, {}, 0);
  skipped.skipped = "no XNACK";
  EXPECT_THAT(fence_chain_markdown(std::vector{skipped}), Not(HasSubstr("retry_fault")));
  EXPECT_THAT(fence_chain_csv(std::vector{skipped}), Not(HasSubstr("retry_fault")));
}

TEST(FenceRows, AreThoseOfAnyOtherCase) {
  FencePoint measured = point(Recovery::kWaitForJobs, Invalidated::kB, {9e6, 8e6}, 2);
  measured.violations[ViolationClass::kStale] = 1;
  const FenceRows rows = fence_rows(measured, 3, 77, 500);
  EXPECT_EQ(rows.identity.case_name,
            "managed/anon/dontneed/default/wait_for_jobs/chain_5ms_b/4MiB");
  EXPECT_EQ(rows.identity.perturbation, "dontneed");
  EXPECT_EQ(rows.identity.status, analysis::Status::kOk);
  EXPECT_EQ(rows.identity.outcome, "chain_ended");
  EXPECT_EQ(rows.identity.run, 3);
  EXPECT_EQ(rows.identity.violations_stale, 1);
  ASSERT_EQ(rows.samples.size(), 2u);
  EXPECT_EQ(rows.samples[1].event, 1);
  EXPECT_EQ(rows.samples[1].start_ns, 1'500);
  EXPECT_EQ(rows.samples[1][analysis::Metric::kSyscall], 8e6);
}

TEST(FenceRows, TheReferenceIsASham) {
  const FencePoint reference = point(Recovery::kPreempt, Invalidated::kNeither, {100, 100}, 1);
  const FenceRows rows = fence_rows(reference, 0, 1, 0);
  EXPECT_EQ(rows.identity.case_name, "managed/anon/sham/default/preempt/chain_5ms_neither/4MiB");
  EXPECT_EQ(rows.identity.outcome, "mixed");
}

TEST(FenceRows, WhatDidNotRunSaysWhy) {
  FencePoint skipped = point(Recovery::kPreempt, Invalidated::kA, {}, 0);
  skipped.skipped = "one device";
  EXPECT_EQ(fence_rows(skipped, 0, 1, 0).identity.status, analysis::Status::kSkipped);
  EXPECT_EQ(fence_rows(skipped, 0, 1, 0).identity.reason, "one device");
  skipped.failed = "ended with 9";
  EXPECT_EQ(fence_rows(skipped, 0, 1, 0).identity.status, analysis::Status::kFailed);
  EXPECT_EQ(fence_rows(skipped, 0, 1, 0).identity.reason, "ended with 9");
}

}  // namespace
}  // namespace notifier
