// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/compare/pairing.hpp"
#include "analysis/compare/parallel.hpp"
#include "analysis/compare/quantile_curve.hpp"
#include "analysis/compare/report.hpp"
#include "analysis/compare/report_text.hpp"
#include "analysis/compare/xml_text.hpp"

namespace notifier::analysis {
namespace {

constexpr std::size_t kMostCurves = 60;

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --fg: #1b1b1b; --bg: #fff; --line: #8884; --slow: #d55e00;
  --fast: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --fg: #e8e8e8; --bg: #161616; --slow: #ff9d4d;
  --fast: #56b4e9; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--fg); background: var(--bg);
  margin: 1.5rem auto; max-width: 100rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums;
  font-size: .85rem; }
td { overflow-wrap: anywhere; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td.number, td.change, td:nth-child(-n+2) { white-space: nowrap; } td:nth-child(3) { min-width: 20rem; }
td:nth-child(4) { min-width: 9rem; } td:nth-child(10) { min-width: 12rem; } td.number { text-align: right; }
tr.broken td:first-child, tr.worse td:first-child { color: var(--slow); font-weight: 600; }
tr.better td:first-child, tr.repaired td:first-child { color: var(--fast); font-weight: 600; }
.outcome { font-size: 1.15rem; font-weight: 600; }
.cards { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; width: 26rem; border: 1px solid var(--line); padding: .6rem; }
figcaption { font-size: .85rem; overflow-wrap: anywhere; }
.margin { fill: #8883; } .zero { stroke: var(--fg); } .guide { stroke: var(--line); }
.band { fill: var(--slow); opacity: .25; } .curve { fill: none; stroke: var(--slow);
  stroke-width: 2; }
.tick { fill: var(--fg); font-size: 10px; }
code { font-size: .85rem; overflow-wrap: anywhere; }
@media print { details { display: block; } }
)";

const char* class_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kBroken:
      return "broken";
    case Verdict::kWorse:
      return "worse";
    case Verdict::kBetter:
      return "better";
    case Verdict::kRepaired:
      return "repaired";
    case Verdict::kUndecided:
      return "undecided";
    case Verdict::kNotComparable:
      return "incomparable";
    case Verdict::kSame:
      return "same";
  }
  return "";
}

const char* glyph_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kBroken:
      return "✖";
    case Verdict::kWorse:
      return "▲";
    case Verdict::kBetter:
      return "▼";
    case Verdict::kRepaired:
      return "✔";
    case Verdict::kUndecided:
      return "?";
    case Verdict::kNotComparable:
      return "×";
    case Verdict::kSame:
      return "=";
  }
  return "";
}

std::string table_row(const Row& row) {
  constexpr Charset kUtf8 = Charset::kUtf8;
  const std::string figure = row.metric.empty() ? row.statistic : row.metric + " " + row.statistic;
  return fmt::format(
      "<tr class=\"{}\"><td>{} {}</td><td>{}</td><td>{}</td><td>{}</td>"
      "<td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"change\">{}</td>"
      "<td class=\"number\">{}</td><td>{}</td><td>{}</td></tr>\n",
      class_of(row.verdict), glyph_of(row.verdict), to_word(row.verdict, row.unit),
      to_word(row.gate), escape_markup(row.case_name), escape_markup(figure), old_text(row, kUtf8),
      new_text(row, kUtf8), escape_markup(change_text(row, kUtf8)), probability_text(row.q),
      count_text(row), escape_markup(reason_text(row)));
}

std::string table_of(const std::vector<const Row*>& rows) {
  std::string text =
      "<table><thead><tr><th>verdict</th><th>gate</th><th>case</th><th>figure</th><th>old</th>"
      "<th>new</th><th>change</th><th>q</th><th>replicates</th><th>why</th></tr></thead><tbody>\n";
  for (const Row* row : rows) text += table_row(*row);
  return text + "</tbody></table>\n";
}

std::string environment_of(const Comparison& comparison) {
  if (comparison.environment.empty()) return "<p>No difference between the manifests.</p>\n";
  std::string text =
      "<table><thead><tr><th>field</th><th>old</th><th>new</th><th></th></tr></thead><tbody>\n";
  for (const EnvironmentDifference& difference : comparison.environment) {
    text += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        escape_markup(difference.field),
                        escape_markup(fmt::format("{}", fmt::join(difference.old_values, ", "))),
                        escape_markup(fmt::format("{}", fmt::join(difference.new_values, ", "))),
                        kind_text(difference.kind));
  }
  return text + "</tbody></table>\n";
}

// One figure per case and metric that has a notable row, most relevant first.
std::string curves_of(const std::vector<const Row*>& rows, const ReportContext& context) {
  const CompareOptions& options = context.options;
  const std::vector<CasePair> pairs =
      pair_cases(*context.old_runs, *context.new_runs, {}, options.varied, options.force);
  std::set<std::pair<const CasePair*, std::string>> done;
  std::vector<std::pair<const CasePair*, const Row*>> wanted;
  for (const Row* row : rows) {
    if (row->metric.empty() || wanted.size() == kMostCurves) continue;
    const auto pair = std::find_if(pairs.begin(), pairs.end(), [&](const CasePair& candidate) {
      return candidate.case_name == row->case_name && candidate.machine == row->machine &&
             candidate.device == row->device;
    });
    if (pair == pairs.end() || !done.emplace(&*pair, row->metric).second) continue;
    wanted.emplace_back(&*pair, row);
  }
  std::vector<std::string> figures(wanted.size());
  run_in_parallel(wanted.size(), [&](std::size_t i) {
    const auto& [pair, row] = wanted[i];
    const double margin = row->judgement && row->judgement->scale == Scale::kRatio
                              ? row->judgement->margin
                              : std::log1p(options.judge.minimum_effect);
    const std::string svg = curve_as_svg(quantile_curve(*pair, row->metric, options), margin);
    if (svg.empty()) return;
    figures[i] = fmt::format(
        "<figure>{}<figcaption>{}, {}<br><code>{}</code></figcaption></figure>\n", svg,
        escape_markup(row->case_name), escape_markup(row->metric), escape_markup(row->command));
  });
  std::string text;
  for (const std::string& figure : figures) text += figure;
  return text;
}

}  // namespace

std::string html_report(const Comparison& comparison, const ReportContext& context) {
  std::vector<const Row*> notable;
  std::vector<const Row*> others;
  for (const Row& row : comparison.rows) (is_notable(row) ? notable : others).push_back(&row);
  std::string text =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>Comparison</title><style>";
  text += kStyle;
  text += "</style></head><body>\n<h1>Comparison</h1>\n";
  text += fmt::format("<p class=\"outcome\">{}</p>\n", escape_markup(outcome_line(comparison)));
  text += fmt::format("<p>old: {}<br>new: {}</p>\n", escape_markup(side_text(*context.old_runs)),
                      escape_markup(side_text(*context.new_runs)));
  for (const std::string& note : comparison.notes) {
    text += "<p>Note: " + escape_markup(note) + "</p>\n";
  }
  text += "<h2>Environment</h2>\n" + environment_of(comparison);
  if (!comparison.refused) {
    text += "<h2>What changed, and what could not be decided</h2>\n";
    text += notable.empty() ? std::string("<p>Nothing.</p>\n") : table_of(notable);
    const std::string curves = curves_of(notable, context);
    if (!curves.empty()) {
      text +=
          "<h2>Ratio of new to old by quantile</h2>\n<p>The grey band is the minimum effect, the "
          "coloured one the pointwise interval from resampling runs.</p>\n<div class=\"cards\">\n" +
          curves + "</div>\n";
    }
    text += fmt::format("<details><summary>{} further rows</summary>\n{}</details>\n",
                        others.size(), table_of(others));
    for (const std::string& line : method_lines(comparison, context)) {
      text += "<p>" + escape_markup(line) + "</p>\n";
    }
  }
  return text + "</body></html>\n";
}

}  // namespace notifier::analysis
