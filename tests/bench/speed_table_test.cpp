// SPDX-License-Identifier: MIT
#include "bench/speed_table.hpp"

#include <gmock/gmock.h>

#include <set>

#include "bench/speed_cases.hpp"
#include "bench/speed_events.hpp"

namespace notifier {
namespace {

using testing::HasSubstr;
using testing::Not;

analysis::SummaryRow make_row(const std::string& name, std::int64_t run, double p50,
                              double p90 = 0) {
  analysis::SummaryRow row;
  row.case_name = name;
  row.run = run;
  row.metric = "syscall_ns";
  row.p50 = p50;
  row.p90 = p90;
  return row;
}

TEST(SpeedTable, RatiosAreThoseOfTheSameRun) {
  // 10/5, 30/10 and 80/20: their median is 3, though that of the prices is 30 and of the references
  // 10.
  const std::vector<analysis::SummaryRow> rows{
      make_row("notified/bare", 0, 5),  make_row("notified/madvise", 0, 10),
      make_row("notified/bare", 1, 10), make_row("notified/madvise", 1, 30),
      make_row("notified/bare", 2, 20), make_row("notified/madvise", 2, 80)};
  EXPECT_THAT(speed_table(rows),
              HasSubstr("| notified/madvise | 30 ns [10, 80] | notified/bare: 10 ns [5, 20] | "
                        "3 [2, 4] | ≤ 3 | yes |"));
}

TEST(SpeedTable, AMissedTargetIsSaid) {
  const std::vector<analysis::SummaryRow> rows{make_row("access/plain", 0, 1),
                                               make_row("access/device", 0, 2.5)};
  EXPECT_THAT(speed_table(rows), HasSubstr("2.5 [2.5, 2.5] | ≤ 2 | no |"));
}

TEST(SpeedTable, WithoutItsReferenceACaseHasNoRatio) {
  const std::vector<analysis::SummaryRow> rows{make_row("notified/madvise", 0, 10),
                                               make_row("notified/bare", 1, 10)};
  const std::string table = speed_table(rows);
  EXPECT_THAT(table, Not(HasSubstr("| notified/madvise")));
  EXPECT_THAT(table, HasSubstr("no run has all of its values: notified/madvise\n"));
}

TEST(SpeedTable, WaitsAreComparedWithUniformRemainingTimeAndTheCallItself) {
  // Of a job of 1 ms the median remaining time is 500 us, the 90th percentile 900 us; the call
  // takes 20 us besides, and to be woken 30 us.
  const std::vector<analysis::SummaryRow> rows{
      make_row("wait_for_jobs/no_job", 0, 20'000, 30'000),
      make_row("wait_for_jobs/wake_1ms", 0, 30'000, 40'000),
      make_row("wait_for_jobs/job_1ms", 0, 572'000, 1'045'000)};
  const std::string table = speed_table(rows);
  EXPECT_THAT(table,
              HasSubstr("job_1ms p50 | 5.72e+05 ns [5.72e+05, 5.72e+05] | uniform remaining time + "
                        "wait_for_jobs/no_job: 5.2e+05 ns [5.2e+05, 5.2e+05] | 1.1 [1.1, 1.1] | "
                        "0.95 to 1.05 | no |"));
  EXPECT_THAT(table, HasSubstr("uniform remaining time + wait_for_jobs/no_job + "
                               "wait_for_jobs/wake_1ms: 5.5e+05 ns [5.5e+05, 5.5e+05] | "
                               "1.04 [1.04, 1.04] | 0.95 to 1.05 | yes |"));
  EXPECT_THAT(table, HasSubstr("9.5e+05 ns [9.5e+05, 9.5e+05] | 1.1 [1.1, 1.1] | "
                               "0.95 to 1.05 | no |"));
  EXPECT_THAT(table, Not(HasSubstr("no run has all")));
}

TEST(SpeedTable, ARecordingFromBeforeWakesHasTheRatioWithoutThem) {
  const std::vector<analysis::SummaryRow> rows{
      make_row("wait_for_jobs/no_job", 0, 20'000, 30'000),
      make_row("wait_for_jobs/job_1ms", 0, 572'000, 1'045'000)};
  const std::string table = speed_table(rows);
  EXPECT_THAT(table, HasSubstr("1.1 [1.1, 1.1] | 0.95 to 1.05 | no |"));
  EXPECT_THAT(table, HasSubstr("no run has all of its values: wait_for_jobs/job_1ms\n"));
}

TEST(Moments, OneLiesInEachPartOfTheTime) {
  Moments moments(4, 1);
  std::set<int> parts;
  for (int event = 0; event < 4; ++event) {
    const double moment = moments.next();
    EXPECT_GE(moment, 0);
    EXPECT_LT(moment, 1);
    parts.insert(static_cast<int>(moment * 4));
  }
  EXPECT_EQ(parts.size(), 4u);
}

TEST(SpeedCases, EachReferenceStandsBeforeAndNamesAreUnique) {
  std::set<std::string> names;
  for (const auto& cases : {speed_cases_of_preemption(), speed_cases_of_jobs()}) {
    for (const SpeedCase& one : cases) {
      EXPECT_TRUE(one.reference.empty() || names.contains(one.reference)) << one.name;
      EXPECT_TRUE(names.insert(one.name).second) << one.name;
    }
  }
}

TEST(SpeedCases, MoreMemoryThanThereIsIsSaid) {
  SpeedCase wanted;
  wanted.size_bytes = std::size_t{1} << 50;
  EXPECT_THAT(speed_obstacle(wanted), HasSubstr("available"));
  wanted.size_bytes = 4096;
  EXPECT_EQ(speed_obstacle(wanted), "");
}

}  // namespace
}  // namespace notifier
