// SPDX-License-Identifier: MIT
#include "harness/console_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/flags.hpp"
#include "harness/format.hpp"

namespace notifier {
namespace {

using analysis::SummaryRow;

const SummaryRow* find_row(std::span<const SummaryRow> rows, analysis::Metric metric,
                           analysis::EventSet events) {
  for (const SummaryRow& row : rows) {
    if (row.metric == analysis::info(metric).name && row.events == events) return &row;
  }
  return nullptr;
}

/// "µ" is two bytes and one column: pad by columns.
std::string right(const std::string& text, int width) {
  int columns = 0;
  for (const char byte : text) columns += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  return std::string(static_cast<std::size_t>(std::max(0, width - columns)), ' ') + text;
}

std::string duration_cell(const SummaryRow* row, std::optional<double> SummaryRow::*value) {
  return right(format_duration(row != nullptr ? row->*value : std::nullopt), 9);
}

std::string per_event(const SummaryRow& row, std::int64_t events) {
  if (!row.evictions || events == 0) return "-";
  return fmt::format("{:.2f}", static_cast<double>(*row.evictions) / static_cast<double>(events));
}

}  // namespace

void ConsoleTable::make_room_for(const std::string& case_name) {
  case_columns_ = std::min(std::max(case_columns_, case_name.size()), kMostCaseColumns);
}

std::string ConsoleTable::header() const {
  return fmt::format("{:<{}} {:>5} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>6} {}", "case",
                     case_columns_, "n", "stall p50", "p90", "p99", "max", "sham max", "call p50",
                     "evict.", "status");
}

std::string ConsoleTable::line(std::span<const SummaryRow> rows) const {
  if (rows.empty()) return "";
  const SummaryRow& first = rows.front();
  const auto all = analysis::EventSet::kAll;
  const SummaryRow* stall = find_row(rows, analysis::Metric::kStall, all);
  const SummaryRow* call = find_row(rows, analysis::Metric::kSyscall, all);
  const SummaryRow* sham = find_row(rows, analysis::Metric::kStall, analysis::EventSet::kSham);
  std::string status(analysis::to_word(first.status));
  const std::int64_t violations = analysis::total_violations(first).value_or(0);
  if (violations > 0) status += fmt::format(", {} VIOLATIONS", violations);
  if (analysis::has_flag(first.flags, "unexpected_evictions")) status += ", unexpected evictions";
  if (!first.reason.empty()) status += ": " + first.reason;
  if (stall == nullptr && call != nullptr) {
    return fmt::format("{:<{}} {:>5} {:50}{} {:>6} {}", first.case_name, case_columns_, call->n, "",
                       duration_cell(call, &SummaryRow::p50), "-", status);
  }
  if (stall == nullptr) {
    return fmt::format("{:<{}} {}", first.case_name, case_columns_, status);
  }
  return fmt::format("{:<{}} {:>5} {} {} {} {} {} {} {:>6} {}", first.case_name, case_columns_,
                     stall->n, duration_cell(stall, &SummaryRow::p50),
                     duration_cell(stall, &SummaryRow::p90), duration_cell(stall, &SummaryRow::p99),
                     duration_cell(stall, &SummaryRow::max), duration_cell(sham, &SummaryRow::max),
                     duration_cell(call, &SummaryRow::p50), per_event(first, stall->n), status);
}

}  // namespace notifier
