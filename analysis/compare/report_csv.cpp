// SPDX-License-Identifier: MIT
#include <cmath>
#include <sstream>

#include "analysis/compare/report.hpp"
#include "analysis/compare/report_columns.hpp"

namespace notifier::analysis {
namespace {

// On the scale that a reader expects: relative change of a ratio, else the difference.
double change(const Judgement& judgement, double effect) {
  return judgement.scale == Scale::kRatio ? std::expm1(effect) : effect;
}

std::string shares_text(const OccupancyChange& change) {
  std::string text;
  for (const Bucket& bucket : change.buckets) {
    if (!text.empty()) text += ' ';
    text += format_number(bucket.low) + ".." + format_number(bucket.high) + "=" +
            format_number(bucket.share_a) + ">" + format_number(bucket.share_b);
  }
  return text;
}

void fill_judgement(const Judgement& judgement, ReportRow& out) {
  out.scale = judgement.scale == Scale::kRatio ? "ratio" : "absolute";
  out.old_figure = judgement.old_figure;
  out.new_figure = judgement.new_figure;
  out.change = change(judgement, judgement.effect);
  if (judgement.interval) {
    out.change_low = change(judgement, judgement.interval->low);
    out.change_high = change(judgement, judgement.interval->high);
  }
  out.minimum_effect = change(judgement, judgement.margin);
  out.test = to_word(judgement.test);
  out.replicate = to_word(judgement.replicate);
  out.cliffs_delta = judgement.dominance;
  out.spread = judgement.spread;
}

}  // namespace

ReportRow make_report_row(const Row& row) {
  ReportRow out;
  out.verdict = to_word(row.verdict, row.unit);
  out.gate = to_word(row.gate);
  out.machine = row.machine;
  out.device = row.device;
  out.case_name = row.case_name;
  out.metric = row.metric;
  out.statistic = row.statistic;
  out.unit = row.unit;
  out.better = to_word(row.better);
  out.headline = row.headline ? "yes" : "no";
  if (row.judgement) fill_judgement(*row.judgement, out);
  if (row.judgement && row.quantile_bootstrap) {
    out.bootstrap_low = change(*row.judgement, row.quantile_bootstrap->low);
    out.bootstrap_high = change(*row.judgement, row.quantile_bootstrap->high);
  }
  if (row.occupancy) out.shares = shares_text(*row.occupancy);
  out.interval_kind = row.interval_kind;
  out.p = row.p;
  out.q = row.q;
  out.p_gate = row.p_gate;
  out.old_runs = static_cast<std::int64_t>(row.old_runs);
  out.new_runs = static_cast<std::int64_t>(row.new_runs);
  out.old_boots = static_cast<std::int64_t>(row.old_boots);
  out.new_boots = static_cast<std::int64_t>(row.new_boots);
  out.old_events = row.old_events;
  out.new_events = row.new_events;
  if (row.further) out.further = static_cast<std::int64_t>(*row.further);
  out.reason = row.reason;
  out.command = row.command;
  return out;
}

std::string csv_report(const Comparison& comparison) {
  std::ostringstream text;
  CsvWriter writer(text);
  write_header(report_columns(), writer);
  for (const Row& row : comparison.rows) {
    write_row(report_columns(), make_report_row(row), writer);
  }
  return text.str();
}

}  // namespace notifier::analysis
