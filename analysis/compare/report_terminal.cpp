// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <array>

#include "analysis/compare/report.hpp"
#include "analysis/compare/report_text.hpp"

namespace notifier::analysis {
namespace {

// Blue and orange of Okabe and Ito's palette, told apart with every kind of colour blindness; the
// glyph says the same without colour.
constexpr const char* kOrange = "\x1b[38;5;208m";
constexpr const char* kBlue = "\x1b[38;5;39m";
constexpr const char* kDim = "\x1b[2m";
constexpr const char* kReset = "\x1b[0m";

struct Look {
  const char* glyph;
  const char* colour;
};

Look look_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kBroken:
      return {"✖", kOrange};
    case Verdict::kWorse:
      return {"▲", kOrange};
    case Verdict::kBetter:
      return {"▼", kBlue};
    case Verdict::kRepaired:
      return {"✔", kBlue};
    case Verdict::kUndecided:
      return {"?", ""};
    case Verdict::kNotComparable:
      return {"x", kDim};
    case Verdict::kSame:
      return {"=", kDim};
  }
  return {"?", ""};
}

std::string gate_text(const Row& row) {
  return row.gate == Gate::kNotCounted ? "-" : std::string(to_word(row.gate));
}

std::vector<std::string> cells_of(const Row& row) {
  constexpr Charset kUtf8 = Charset::kUtf8;
  return {look_of(row.verdict).glyph,
          std::string(to_word(row.verdict, row.unit)),
          gate_text(row),
          row.case_name,
          row.metric.empty() ? row.statistic : row.metric + " " + row.statistic,
          old_text(row, kUtf8),
          new_text(row, kUtf8),
          change_text(row, kUtf8),
          probability_text(row.q),
          reason_text(row)};
}

constexpr std::array kAligns = {Align::kLeft,  Align::kLeft,  Align::kLeft,  Align::kLeft,
                                Align::kLeft,  Align::kRight, Align::kRight, Align::kLeft,
                                Align::kRight, Align::kLeft};

std::string table_text(const std::vector<const Row*>& rows, bool colour) {
  TextTable table = {{"", "verdict", "gate", "case", "figure", "old", "new", "change", "q", "why"}};
  for (const Row* row : rows) table.push_back(cells_of(*row));
  const std::vector<std::size_t> widths = column_widths(table);
  std::string text;
  for (std::size_t i = 0; i < table.size(); ++i) {
    std::string line;
    for (std::size_t column = 0; column < table[i].size(); ++column) {
      if (column > 0) line += "  ";
      line += pad(table[i][column], widths[column], kAligns[column]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    const char* start = i == 0 ? "" : look_of(rows[i - 1]->verdict).colour;
    text += colour && *start != '\0' ? start + line + kReset : line;
    text += '\n';
  }
  return text;
}

void append_environment(const Comparison& comparison, std::string& text) {
  if (comparison.environment.empty()) return;
  text += "Environment:\n";
  for (const EnvironmentDifference& difference : comparison.environment) {
    text += fmt::format("  {:<17} {}\n", kind_text(difference.kind), difference_text(difference));
  }
}

}  // namespace

std::string terminal_report(const Comparison& comparison, const ReportContext& context,
                            const TerminalOptions& options) {
  std::string text = "old: " + side_text(*context.old_runs) + "\n";
  text += "new: " + side_text(*context.new_runs) + "\n";
  append_environment(comparison, text);
  for (const std::string& note : comparison.notes) text += "Note: " + note + "\n";
  if (!comparison.refused) {
    for (const std::string& line : method_lines(comparison, context)) text += line + "\n";
    std::vector<const Row*> shown;
    std::size_t hidden = 0;
    for (const Row& row : comparison.rows) {
      const bool fits = options.all || (is_notable(row) && shown.size() < options.most);
      if (fits) shown.push_back(&row);
      hidden += fits ? 0 : 1;
    }
    text += '\n';
    if (!shown.empty()) text += table_text(shown, options.colour);
    if (hidden > 0) text += fmt::format("{} more rows with --all\n", hidden);
    for (const Row* row : shown) {
      if (row->gate != Gate::kRegression) continue;
      text += "\nAgain: " + row->command + "\n";
      break;
    }
    text += '\n';
  }
  text += outcome_line(comparison) + fmt::format(" Exit code {}.\n", context.exit_code);
  return text;
}

}  // namespace notifier::analysis
