// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <array>

#include "analysis/compare/report.hpp"
#include "analysis/compare/report_text.hpp"

namespace notifier::analysis {
namespace {

// A bar inside a cell would end it.
std::string escaped(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) {
    text.insert(at, 1, '\\');
  }
  for (char& character : text) {
    if (character == '\n' || character == '\r') character = ' ';
  }
  return text;
}

std::string table_text(const TextTable& table) {
  const std::vector<std::size_t> widths = column_widths(table);
  std::string text;
  for (std::size_t i = 0; i < table.size(); ++i) {
    for (std::size_t column = 0; column < table[i].size(); ++column) {
      text += "| " + pad(table[i][column], widths[column], Align::kLeft) + " ";
    }
    text += "|\n";
    if (i > 0) continue;
    for (const std::size_t width : widths) text += "|" + std::string(width + 2, '-');
    text += "|\n";
  }
  return text;
}

void append_rows(const Comparison& comparison, std::string& text) {
  constexpr Charset kAscii = Charset::kAscii;
  TextTable table = {{"verdict", "case", "figure", "old", "new", "change", "q"}};
  std::vector<std::string> explanations;
  std::size_t hidden = 0;
  for (const Row& row : comparison.rows) {
    if (!is_notable(row)) {
      ++hidden;
      continue;
    }
    const std::string mark = row.gate == Gate::kRegression ? " (gate)" : "";
    const std::string figure =
        row.metric.empty() ? row.statistic : row.metric + " " + row.statistic;
    table.push_back({std::string(to_word(row.verdict, row.unit)) + mark, escaped(row.case_name),
                     figure, old_text(row, kAscii), new_text(row, kAscii),
                     escaped(change_text(row, kAscii)), probability_text(row.q)});
    const std::string reason = reason_text(row);
    if (!reason.empty()) {
      explanations.push_back(fmt::format("- {}, {}: {}", row.case_name, figure, reason));
    }
  }
  if (table.size() > 1) text += table_text(table) + "\n";
  if (hidden > 0) text += fmt::format("{} further rows are the same or undecided.\n\n", hidden);
  for (const std::string& line : explanations) text += escaped(line) + "\n";
  if (!explanations.empty()) text += '\n';
}

void append_commands(const Comparison& comparison, std::string& text) {
  std::string block;
  std::string last;
  for (const Row& row : comparison.rows) {
    if (!is_notable(row) || row.verdict == Verdict::kNotComparable || row.command == last) continue;
    if (block.find(row.command + "\n") != std::string::npos) continue;
    last = row.command;
    block += "    " + row.command + "\n";
  }
  if (!block.empty()) text += "To measure again:\n\n" + block + "\n";
}

}  // namespace

std::string markdown_report(const Comparison& comparison, const ReportContext& context) {
  std::string text = "# Comparison\n\n" + outcome_line(comparison) + "\n\n";
  text += "- old: " + side_text(*context.old_runs) + "\n";
  text += "- new: " + side_text(*context.new_runs) + "\n";
  for (const EnvironmentDifference& difference : comparison.environment) {
    text += fmt::format("- {} ({})\n", escaped(difference_text(difference)),
                        kind_text(difference.kind));
  }
  for (const std::string& note : comparison.notes) text += "- note: " + note + "\n";
  text += '\n';
  if (comparison.refused) return text;
  append_rows(comparison, text);
  append_commands(comparison, text);
  for (const std::string& line : method_lines(comparison, context)) text += line + "\n";
  return text;
}

}  // namespace notifier::analysis
