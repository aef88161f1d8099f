// SPDX-License-Identifier: MIT
#include "analysis/summary.hpp"

#include <gtest/gtest.h>

namespace notifier::analysis {
namespace {

SampleRow sample(EventKind kind, double stall_ns, std::optional<double> syscall_ns,
                 std::string flags = {}) {
  SampleRow row;
  row.kind = kind;
  row[Metric::kStall] = stall_ns;
  row[Metric::kSyscall] = syscall_ns;
  row.evictions = kind == EventKind::kEvent ? 1 : 0;
  row.clock_residual_ns = 100;
  row.flags = std::move(flags);
  return row;
}

const SummaryRow* find(const std::vector<SummaryRow>& rows, std::string_view metric,
                       EventSet events) {
  for (const SummaryRow& row : rows) {
    if (row.metric == metric && row.events == events) return &row;
  }
  return nullptr;
}

TEST(SummarizeRun, GivesARowPerMetricAndSetOfEvents) {
  const std::vector<SampleRow> samples = {
      sample(EventKind::kEvent, 10, 1),
      sample(EventKind::kEvent, 30, std::nullopt, "lost_cpu"),
      sample(EventKind::kSham, 2, 5),
      sample(EventKind::kEvent, 20, 3, "below_floor"),
  };
  const std::vector<SummaryRow> rows = summarize_run({}, samples);
  ASSERT_EQ(rows.size(), 6u);

  const SummaryRow* stall = find(rows, "stall_ns", EventSet::kAll);
  ASSERT_NE(stall, nullptr);
  EXPECT_EQ(stall->n, 3);
  EXPECT_EQ(stall->min, 10);
  EXPECT_EQ(stall->p50, 20);
  EXPECT_EQ(stall->max, 30);
  EXPECT_EQ(stall->unit, "ns");
  EXPECT_EQ(stall->better, Better::kLower);
  EXPECT_EQ(stall->headline, YesNo::kYes);
  EXPECT_EQ(stall->flagged_samples, 1);
  EXPECT_EQ(stall->evictions, 3);
  EXPECT_EQ(stall->clock_residual_ns, 100);

  const SummaryRow* syscall = find(rows, "syscall_ns", EventSet::kAll);
  ASSERT_NE(syscall, nullptr);
  EXPECT_EQ(syscall->n, 2);
  EXPECT_EQ(syscall->p50, 2);
  EXPECT_EQ(syscall->headline, YesNo::kNo);

  EXPECT_EQ(find(rows, "stall_ns", EventSet::kUnflagged)->n, 2);
  EXPECT_EQ(find(rows, "stall_ns", EventSet::kUnflagged)->p50, 15);
  EXPECT_EQ(find(rows, "stall_ns", EventSet::kSham)->p50, 2);
  EXPECT_EQ(find(rows, "stall_ns", EventSet::kSham)->evictions, 0);
}

TEST(SummarizeRun, LeavesOutTheUnflaggedSetWhenNothingIsTainted) {
  const std::vector<SampleRow> samples = {sample(EventKind::kEvent, 10, 1)};
  for (const SummaryRow& row : summarize_run({}, samples)) EXPECT_EQ(row.events, EventSet::kAll);
}

TEST(SummarizeRun, KeepsARunThatMeasuredNothingAsOneRow) {
  SummaryRow identity;
  identity.case_name = "c";
  identity.status = Status::kSkipped;
  identity.reason = "no huge pages";
  const std::vector<SummaryRow> rows = summarize_run(identity, {});
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].metric, "");
  EXPECT_EQ(rows[0].n, 0);
  EXPECT_EQ(rows[0].reason, "no huge pages");
  EXPECT_FALSE(rows[0].p50);
}

TEST(SummarizeRun, TakesTheRunsOwnValues) {
  const std::vector<RunValue> values = {{Metric::kIteration, 40.5}};
  const std::vector<SummaryRow> rows = summarize_run({}, {}, values);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].metric, "iteration_ns");
  EXPECT_EQ(rows[0].n, 1);
  EXPECT_EQ(rows[0].p50, 40.5);
  EXPECT_EQ(rows[0].headline, YesNo::kYes);
}

}  // namespace
}  // namespace notifier::analysis
