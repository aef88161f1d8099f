// SPDX-License-Identifier: MIT
#include "bench/bystander_table.hpp"

#include <gmock/gmock.h>

namespace notifier {
namespace {

using analysis::EventSet;
using analysis::Metric;
using ::testing::EndsWith;

analysis::SummaryRow row_of(const std::string& name, Metric metric, EventSet events, double max) {
  analysis::SummaryRow row;
  row.case_name = name;
  row.metric = analysis::info(metric).name;
  row.events = events;
  row.max = max;
  return row;
}

TEST(BystanderTable, ShowsTheWorstOfEventsAndShams) {
  const std::vector<analysis::SummaryRow> rows{
      row_of("watched", Metric::kStall, EventSet::kAll, 2e6),
      row_of("watched", Metric::kStall, EventSet::kSham, 5e3),
      row_of("watched", Metric::kBystanderQueueStall, EventSet::kAll, 2.5e6),
      row_of("watched", Metric::kBystanderQueueStall, EventSet::kSham, 4e3),
      row_of("watched", Metric::kBystanderDeviceEvictions, EventSet::kAll, 1),
      row_of("alone", Metric::kStall, EventSet::kAll, 1e6)};
  const std::string table = bystander_markdown({{"queue", "a second queue"}}, rows);
  EXPECT_THAT(table, EndsWith("- queue: a second queue\n\n"
                              "| case | own stall | second queue | second device | its evictions | "
                              "second process | its evictions | timer late |\n"
                              "|---|---:|---:|---:|---:|---:|---:|---:|\n"
                              "| watched | 2.00 ms (5.00 µs) | 2.50 ms (4.00 µs) | - (-) | 1 (-) | "
                              "- (-) | - (-) | - (-) |\n"));
}

}  // namespace
}  // namespace notifier
