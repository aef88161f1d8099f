// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/pin_table.hpp"

namespace notifier {
namespace {

PinCell make_cell(std::string memory, std::string perturbation, std::string outcome,
                  std::string policy = "default") {
  PinCell cell;
  cell.memory = std::move(memory);
  cell.backing = "anon";
  cell.perturbation = std::move(perturbation);
  cell.policy = std::move(policy);
  cell.size_bytes = 64 << 10;
  cell.outcome = std::move(outcome);
  return cell;
}

/// A memory whose four fork cases have this outcome, and with MADV_DONTFORK that.
std::vector<PinCell> fork_cells(const std::string& plain, const std::string& dontfork) {
  std::vector<PinCell> cells;
  for (const char* name :
       {"fork_child_hold", "fork_parent_write", "fork_child_write", "fork_exit"}) {
    cells.push_back(make_cell("pin_x", name, plain));
  }
  cells.push_back(make_cell("pin_x", "fork_parent_write", dontfork, "dontfork"));
  return cells;
}

TEST(ForkSafety, HasThreeStates) {
  EXPECT_EQ(fork_safety(fork_cells("coherent", "coherent"), "pin_x", "anon"),
            ForkSafety::kUnneeded);
  EXPECT_EQ(fork_safety(fork_cells("orphan", "coherent"), "pin_x", "anon"), ForkSafety::kEnabled);
  EXPECT_EQ(fork_safety(fork_cells("orphan", "orphan"), "pin_x", "anon"), ForkSafety::kDisabled);
}

TEST(ForkSafety, OneUnsafeForkOrOneChangedWordIsEnough) {
  std::vector<PinCell> cells = fork_cells("coherent", "coherent");
  cells[2].outcome = "reaches_child";
  EXPECT_EQ(fork_safety(cells, "pin_x", "anon"), ForkSafety::kEnabled);
  cells = fork_cells("coherent", "coherent");
  cells[1].changed_in_child = 1;
  EXPECT_EQ(fork_safety(cells, "pin_x", "anon"), ForkSafety::kEnabled);
}

TEST(ForkSafety, IsUnknownWhereACaseDidNotRun) {
  std::vector<PinCell> cells = fork_cells("coherent", "coherent");
  cells[0].outcome.clear();
  EXPECT_EQ(fork_safety(cells, "pin_x", "anon"), ForkSafety::kUnknown);
  EXPECT_EQ(fork_safety(cells, "pin_x", "thp"), ForkSafety::kUnknown);
}

// fork_parent_write is no case of the GPU bench: waves and process both write in all of them.
TEST(ForkSafety, OfAGpuIsDecidedByItsOwnCases) {
  std::vector<PinCell> cells;
  for (const char* name : {"fork_child_hold", "fork_child_write", "fork_exit"}) {
    cells.push_back(make_cell("userptr", name, "coherent"));
  }
  EXPECT_EQ(fork_safety(cells, "userptr", "anon"), ForkSafety::kUnneeded);
  cells[1].outcome = "violations";
  EXPECT_EQ(fork_safety(cells, "userptr", "anon"), ForkSafety::kUnknown);
  cells.push_back(make_cell("userptr", "fork_child_hold", "coherent", "dontfork"));
  EXPECT_EQ(fork_safety(cells, "userptr", "anon"), ForkSafety::kEnabled);
}

TEST(PinTable, ShowsOutcomesFailuresAndReasons) {
  std::vector<PinCell> cells = fork_cells("coherent", "coherent");
  cells[0].call_ns = 1500;
  cells[1].outcome = "orphan";
  cells[1].status = analysis::Status::kFailed;
  cells[1].reason = "device writes: orphan where coherent was expected";
  cells.push_back(make_cell("pin_x", "pageout", ""));
  cells.back().status = analysis::Status::kSkipped;
  cells.back().reason = "there is no swap";
  const std::string text = pin_table_markdown(cells);
  EXPECT_NE(text.find("coherent, 1.50 µs"), std::string::npos) << text;
  EXPECT_NE(text.find("**orphan (unexpected)**"), std::string::npos) << text;
  EXPECT_NE(text.find("there is no swap"), std::string::npos) << text;
  EXPECT_NE(text.find("orphan where coherent was expected"), std::string::npos) << text;
}

TEST(PinTable, CorruptionOfAChildCannotBeOverlooked) {
  std::vector<PinCell> cells = fork_cells("reaches_child", "coherent");
  cells[0].changed_in_child = 8192;
  EXPECT_NE(pin_table_markdown(cells).find("**8192 words changed in the child**"),
            std::string::npos);
}

TEST(PinTable, HasAColumnForEachKindOfPage) {
  std::vector<PinCell> cells = {make_cell("pin_vmsplice", "fork_exit", "orphan")};
  EXPECT_EQ(pin_table_markdown(cells).find("by kind of page"), std::string::npos);
  cells.push_back(make_cell("pin_vmsplice", "fork_exit", "coherent"));
  cells.back().backing = "hugetlb";
  cells.push_back(make_cell("pin_vmsplice", "fork_exit", "reaches_child"));
  cells.back().backing = "thp_pte";
  cells.back().changed_in_child = 1;
  const std::string text = pin_table_markdown(cells);
  EXPECT_NE(text.find("| actor | perturbation | anon | thp | anon_swapped |"), std::string::npos);
  EXPECT_NE(text.find("| pin_vmsplice | fork_exit | orphan |  |  |  | **reaches_child** |"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("| coherent |\n"), std::string::npos) << text;
}

TEST(PinTable, CsvHasOneLinePerCell) {
  const std::vector<PinCell> cells = fork_cells("coherent", "coherent");
  const std::string text = pin_table_csv(cells);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), static_cast<long>(cells.size() + 1));
  EXPECT_EQ(text.substr(0, text.find(',')), "memory");
}

analysis::SummaryRow make_row(std::string memory, std::string metric, double median) {
  analysis::SummaryRow row;
  row.recording = "r";
  row.case_name = memory + "/dontneed";
  row.memory = std::move(memory);
  row.backing = "anon";
  row.perturbation = "dontneed";
  row.policy = "default";
  row.size_bytes = 64 << 10;
  row.metric = std::move(metric);
  row.p50 = median;
  row.n = 7;
  return row;
}

TEST(PinCells, PutTheRowsOfACaseTogether) {
  std::vector<analysis::SummaryRow> rows = {make_row("pin_x", "syscall_ns", 10),
                                            make_row("pin_x", "first_write_ns", 20),
                                            make_row("pin_x", "register_ns", 30)};
  for (analysis::SummaryRow& row : rows) row.outcome = "orphan";
  const std::vector<PinCell> cells = pin_cells(rows);
  ASSERT_EQ(cells.size(), 1u);
  EXPECT_EQ(cells[0].call_ns, 10);
  EXPECT_EQ(cells[0].first_write_ns, 20);
  EXPECT_EQ(cells[0].hold_ns, 30);
  EXPECT_EQ(cells[0].outcome, "orphan");
  EXPECT_EQ(cells[0].events, 7);
}

TEST(PinCells, RowsOfAGpuStandBesideThem) {
  std::vector<analysis::SummaryRow> rows = {make_row("userptr", "syscall_ns", 10)};
  rows[0].violations_stale = 0;
  EXPECT_EQ(pin_cells(rows)[0].outcome, "coherent");
  rows[0].violations_stale = 2;
  EXPECT_EQ(pin_cells(rows)[0].outcome, "violations");
}

}  // namespace
}  // namespace notifier
