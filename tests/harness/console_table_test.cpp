// SPDX-License-Identifier: MIT
#include "harness/console_table.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "analysis/flags.hpp"

namespace notifier {
namespace {

using analysis::SummaryRow;

/// What a run of a case with stalls gives: two rows are enough for a line.
std::vector<SummaryRow> rows_of(const std::string& case_name) {
  SummaryRow stall;
  stall.case_name = case_name;
  stall.metric = analysis::info(analysis::Metric::kStall).name;
  stall.events = analysis::EventSet::kAll;
  stall.n = 30;
  stall.p50 = 1'234'000;
  stall.status = analysis::Status::kOk;
  SummaryRow call = stall;
  call.metric = analysis::info(analysis::Metric::kSyscall).name;
  return {stall, call};
}

/// The column in which the word ends; "µ" is two bytes and one column.
std::size_t end_column(const std::string& line, const std::string& word) {
  const std::size_t end = line.find(word) + word.size();
  std::size_t columns = 0;
  for (const char byte : line.substr(0, end)) {
    columns += (static_cast<unsigned char>(byte) & 0xC0) != 0x80 ? 1 : 0;
  }
  return columns;
}

const std::string kShort = "vram/anon/none/default/none/small/4MiB";
const std::string kLong =
    "system/thp_part_unmapped/neighbour_huge_split/default/retry_fault/small/64MiB";

TEST(ConsoleTable, ColumnsStandBelowEachOtherForEveryNameThereIsRoomFor) {
  ConsoleTable table;
  table.make_room_for(kLong);
  table.make_room_for(kShort);
  for (const std::string& name : {kShort, kLong}) {
    const std::string line = table.line(rows_of(name));
    EXPECT_EQ(end_column(line, "1.23 ms"), end_column(table.header(), "stall p50")) << line;
    EXPECT_EQ(end_column(line, " ok") - 3, end_column(table.header(), "evict.")) << line;
  }
}

TEST(ConsoleTable, ACaseWithoutStallsHasItsCallInTheCallsColumn) {
  ConsoleTable table;
  table.make_room_for(kShort);
  std::vector<SummaryRow> rows = rows_of(kShort);
  rows.erase(rows.begin());
  EXPECT_EQ(end_column(table.line(rows), "1.23 ms"), end_column(table.header(), "call p50"));
}

TEST(ConsoleTable, IsNoWiderThanTheNamesNeed) {
  ConsoleTable table;
  table.make_room_for(kShort);
  EXPECT_EQ(end_column(table.header(), " n"), kShort.size() + 6);
  EXPECT_EQ(table.line(rows_of(kShort)).find(" ok"), table.header().find(" status"));
}

TEST(ConsoleTable, ANameBeyondTheLimitMakesNoOtherLineWider) {
  ConsoleTable table;
  table.make_room_for(kShort);
  table.make_room_for(kLong + std::string(ConsoleTable::kMostCaseColumns, 'x'));
  EXPECT_EQ(end_column(table.header(), " n"), ConsoleTable::kMostCaseColumns + 6);
}

}  // namespace
}  // namespace notifier
