// SPDX-License-Identifier: MIT
#include "bench/bystander_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

#include "harness/format.hpp"

namespace notifier {
namespace {

using analysis::EventSet;
using analysis::Metric;
using analysis::SummaryRow;

struct ColumnOfTable {
  Metric metric;
  std::string_view heading;
};
constexpr std::array kColumns{
    ColumnOfTable{Metric::kStall, "own stall"},
    ColumnOfTable{Metric::kBystanderQueueStall, "second queue"},
    ColumnOfTable{Metric::kBystanderDeviceStall, "second device"},
    ColumnOfTable{Metric::kBystanderDeviceEvictions, "its evictions"},
    ColumnOfTable{Metric::kBystanderProcessStall, "second process"},
    ColumnOfTable{Metric::kBystanderProcessEvictions, "its evictions"},
    ColumnOfTable{Metric::kTimerLate, "timer late"},
};

using CaseAndRun = std::pair<std::string, std::int64_t>;

std::string cell(std::span<const SummaryRow> rows, const CaseAndRun& run, Metric metric,
                 EventSet events) {
  const analysis::MetricInfo& wanted = analysis::info(metric);
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const SummaryRow& row) {
    return row.case_name == run.first && row.run == run.second && row.metric == wanted.name &&
           row.events == events;
  });
  if (found == rows.end() || !found->max) return "-";
  return wanted.unit == "ns" ? format_duration(*found->max) : fmt::format("{}", *found->max);
}

std::vector<CaseAndRun> runs_of(std::span<const SummaryRow> rows) {
  std::vector<CaseAndRun> runs;
  for (const SummaryRow& row : rows) {
    const CaseAndRun run{row.case_name, row.run};
    const bool watched = row.metric == analysis::info(Metric::kTimerLate).name ||
                         row.metric.starts_with("bystander_");
    if (watched && std::find(runs.begin(), runs.end(), run) == runs.end()) runs.push_back(run);
  }
  return runs;
}

}  // namespace

std::string bystander_markdown(const std::map<std::string, std::string>& who,
                               std::span<const SummaryRow> rows) {
  std::string text = "Bystanders, the worst of all events (of the sham events):\n";
  auto out = std::back_inserter(text);
  for (const auto& [name, description] : who) fmt::format_to(out, "- {}: {}\n", name, description);
  text += "\n| case |";
  for (const ColumnOfTable& column : kColumns) fmt::format_to(out, " {} |", column.heading);
  text += "\n|---|";
  for (std::size_t i = 0; i < kColumns.size(); ++i) text += "---:|";
  for (const CaseAndRun& run : runs_of(rows)) {
    fmt::format_to(out, "\n| {} |", run.first);
    for (const ColumnOfTable& column : kColumns) {
      fmt::format_to(out, " {} ({}) |", cell(rows, run, column.metric, EventSet::kAll),
                     cell(rows, run, column.metric, EventSet::kSham));
    }
  }
  return text + "\n";
}

}  // namespace notifier
