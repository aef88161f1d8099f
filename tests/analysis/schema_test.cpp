// SPDX-License-Identifier: MIT
#include "analysis/schema.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "analysis/flags.hpp"

namespace notifier::analysis {
namespace {

SummaryRow full_row() {
  SummaryRow row;
  row.recording = "2026-11-22T10:00:00Z_software";
  row.machine = "box, the \"big\" one";
  row.platform = "software";
  row.boot_id = "b";
  row.kernel_release = "6.18.0";
  row.case_name = "userptr/fork_exit/µ";
  row.size_bytes = 65536;
  row.metric = "stall_ns";
  row.unit = "ns";
  row.better = Better::kLower;
  row.headline = YesNo::kYes;
  row.events = EventSet::kUnflagged;
  row.n = 3;
  row.p50 = 1.5;
  row.status = Status::kFailed;
  row.reason = "killed by SIGKILL,\nlast phase: sample";
  row.violations_torn = 0;
  return row;
}

template <typename Row>
std::string error_of(std::span<const Column<Row>> columns, const std::string& text) {
  std::istringstream in(text);
  try {
    RowReader<Row> reader(columns, in, "x.csv");
    Row row;
    while (reader.next(row)) {
    }
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Schema, SummaryRowsRoundTrip) {
  std::ostringstream out;
  write_summary(out, std::array{full_row(), SummaryRow(full_row())});
  std::istringstream in(out.str());
  const std::vector<SummaryRow> rows = read_summary(in, "summary.csv");
  ASSERT_EQ(rows.size(), 2u);
  std::ostringstream again;
  write_summary(again, rows);
  EXPECT_EQ(again.str(), out.str());
  EXPECT_EQ(rows[0].machine, "box, the \"big\" one");
  EXPECT_EQ(rows[0].reason, "killed by SIGKILL,\nlast phase: sample");
  EXPECT_EQ(rows[0].p50, 1.5);
  EXPECT_FALSE(rows[0].p90);
  EXPECT_EQ(rows[0].violations_torn, 0);
  EXPECT_FALSE(rows[0].violations_lost);
  EXPECT_EQ(rows[0].status, Status::kFailed);
  EXPECT_EQ(rows[0].events, EventSet::kUnflagged);
}

TEST(Schema, SampleRowsRoundTripWithUndefinedValues) {
  SampleRow row;
  row.recording = "r";
  row.case_name = "c";
  row.event = 4;
  row.kind = EventKind::kSham;
  row[Metric::kStall] = 12.5;
  row[Metric::kWorkLost] = 0;
  row.flags = "lost_cpu below_floor";
  std::ostringstream out;
  write_samples(out, std::array{row});
  std::istringstream in(out.str());
  RowReader<SampleRow> reader(sample_columns(), in, "samples.csv");
  SampleRow back;
  ASSERT_TRUE(reader.next(back));
  EXPECT_EQ(back[Metric::kStall], 12.5);
  EXPECT_EQ(back[Metric::kWorkLost], 0);
  EXPECT_FALSE(back[Metric::kSyscall]);
  EXPECT_EQ(back.kind, EventKind::kSham);
  EXPECT_EQ(back.flags, row.flags);
  EXPECT_FALSE(reader.next(back));
}

// The columns that other parts and other people's scripts rely on.
TEST(Schema, SamplesHaveTheirColumnsInOrder) {
  std::ostringstream out;
  write_samples(out, {});
  EXPECT_EQ(out.str(),
            "recording,case_name,run,event,kind,start_ns,syscall_ns,stall_ns,stall_median_wave_ns,"
            "stall_total_ns,gaps,call_to_evict_ns,evict_to_stop_ns,stop_to_restore_ns,notifier_ns,"
            "restore_delay_ns,revalidation_ns,restore_to_progress_ns,driver_stall_ns,"
            "preempt_ns,fault_ns,faults,call_to_fault_ns,migrate_ns,pages_migrated,minor_faults,"
            "first_write_ns,drain_ns,"
            "bystander_queue_stall_ns,bystander_device_stall_ns,bystander_device_evictions,"
            "bystander_process_stall_ns,bystander_process_evictions,timer_late_ns,"
            "work_lost_ns,evictions,restores,restores_rescheduled,lost_events,allowed_zeros,"
            "violations,clock_residual_ns,flags\n");
}

TEST(Schema, ColumnNamesAreUniqueAndDescribed) {
  std::set<std::string_view> names;
  for (const auto& column : summary_columns()) {
    EXPECT_TRUE(names.insert(column.name).second) << column.name;
    EXPECT_FALSE(column.meaning.empty()) << column.name;
    EXPECT_EQ(column.meaning.find('|'), std::string_view::npos) << column.name;
  }
  names.clear();
  for (const auto& column : sample_columns()) {
    EXPECT_TRUE(names.insert(column.name).second) << column.name;
  }
  std::set<int> orders;
  for (const MetricInfo& metric : all_metrics()) {
    EXPECT_EQ(find_metric(metric.name), metric.metric);
    if (metric.headline_order != 0) {
      EXPECT_TRUE(orders.insert(metric.headline_order).second) << metric.name;
    }
  }
}

TEST(Schema, ColumnsMayStandInAnyOrderAndUnknownOnesAreNamed) {
  std::istringstream in(
      "n,x_new,status,events,headline,better,run,case_version,case_name,kernel_release,boot_id,"
      "platform,machine,recording,schema_version\n"
      "5,?,ok,all,no,lower,2,1,c,6.1,b,rocm,m,r,9\n");
  RowReader<SummaryRow> reader(summary_columns(), in, "s.csv");
  SummaryRow row;
  ASSERT_TRUE(reader.next(row));
  EXPECT_EQ(row.n, 5);
  EXPECT_EQ(row.run, 2);
  EXPECT_EQ(row.schema_version, 9);
  EXPECT_EQ(reader.unknown_columns(), std::vector<std::string>{"x_new"});
}

TEST(Schema, ErrorsNameTheirPlace) {
  const auto columns = sample_columns();
  const std::string header = "recording,case_name,run,event,kind,start_ns\n";
  EXPECT_EQ(error_of(columns, header + "r,c,0,zero,event,1\n"),
            "x.csv:2: column 4: event: 'zero' is not of type integer");
  EXPECT_EQ(error_of(columns, header + "r,c,0,0,other,1\n"),
            "x.csv:2: column 5: kind: 'other' is not of type event or sham");
  EXPECT_EQ(error_of(columns, header + "r,,0,0,event,1\n"),
            "x.csv:2: column 2: case_name is empty");
  EXPECT_EQ(error_of(columns, header + "r,c,0\n"),
            "x.csv:2: column 3: the line has 3 fields, the header 6");
  EXPECT_EQ(error_of(columns, header + "r,c,0,0,event,1\nr,c,0,1,event,1"),
            "x.csv:3: truncated: the last line has no end");
  EXPECT_EQ(error_of(columns, "recording,case_name\n"), "x.csv:1: wrong header: no column 'run'");
  EXPECT_EQ(error_of(columns, "run,run\n"),
            "x.csv:1: column 2: column 'run' stands here a second time");
  EXPECT_EQ(error_of(columns, ""), "x.csv: empty: no header line");
}

TEST(Schema, UndefinedNumbersAreEmptyNotWords) {
  const std::string header = "recording,case_name,run,event,kind,start_ns,stall_ns\n";
  for (const char* word : {"nan", "inf", "-inf", "NaN"}) {
    EXPECT_EQ(error_of(sample_columns(), header + "r,c,0,0,event,1," + word + "\n"),
              std::string("x.csv:2: column 7: stall_ns: '") + word + "' is not of type number");
  }
}

TEST(Schema, ViolationsAddUpAndStayUndefinedWhenNothingCounted) {
  SummaryRow row;
  EXPECT_FALSE(total_violations(row));
  row.violations_stale = 2;
  row.violations_missed = 3;
  EXPECT_EQ(total_violations(row), 5);
}

TEST(Flags, AreASetOfWords) {
  std::string flags;
  add_flag(flags, "below_floor");
  add_flag(flags, "lost_cpu");
  add_flag(flags, "below_floor");
  EXPECT_EQ(flags, "below_floor lost_cpu");
  EXPECT_TRUE(has_flag(flags, "lost_cpu"));
  EXPECT_FALSE(has_flag(flags, "lost"));
  EXPECT_TRUE(is_tainted(flags));
  EXPECT_FALSE(is_tainted("below_floor"));
  EXPECT_FALSE(is_tainted(""));
  EXPECT_EQ(find_unknown_flag(flags), "");
  EXPECT_EQ(find_unknown_flag("lost_cpu typo"), "typo");
}

}  // namespace
}  // namespace notifier::analysis
