// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "analysis/compare/report.hpp"
#include "analysis/compare/report_columns.hpp"
#include "analysis/compare/report_text.hpp"

namespace notifier::analysis {
namespace {

using nlohmann::ordered_json;

// Keys and values of the CSV's columns; undefined is null.
ordered_json row_as_json(const Row& row) {
  const ReportRow report = make_report_row(row);
  ordered_json object;
  for (const Column<ReportRow>& column : report_columns()) {
    const std::string cell = cell_text(column, report);
    double number = 0;
    if (column.type == "text") {
      object[std::string(column.name)] = cell;
    } else if (parse_number(cell, number)) {
      object[std::string(column.name)] = number;
    } else {
      object[std::string(column.name)] = nullptr;
    }
  }
  return object;
}

}  // namespace

std::string json_report(const Comparison& comparison, const ReportContext& context) {
  const Outcome outcome = count_gate(comparison);
  ordered_json document;
  document["exit_code"] = context.exit_code;
  document["refused"] = comparison.refused;
  document["old"] = side_text(*context.old_runs);
  document["new"] = side_text(*context.new_runs);
  document["options"] = {{"minimum_effect", context.options.judge.minimum_effect},
                         {"alpha", context.options.judge.alpha},
                         {"confidence", context.options.judge.confidence},
                         {"resamples", context.options.resamples}};
  document["families"] = {{"report", comparison.report_family}, {"gate", comparison.gate_family}};
  document["gate"] = {{"regressions", outcome.regressions},
                      {"improvements", outcome.improvements},
                      {"same", outcome.same},
                      {"undecided", outcome.undecided},
                      {"not_comparable", outcome.not_comparable}};
  document["environment"] = ordered_json::array();
  for (const EnvironmentDifference& difference : comparison.environment) {
    document["environment"].push_back({{"field", difference.field},
                                       {"old", difference.old_values},
                                       {"new", difference.new_values},
                                       {"kind", kind_text(difference.kind)}});
  }
  document["notes"] = comparison.notes;
  document["rows"] = ordered_json::array();
  for (const Row& row : comparison.rows) document["rows"].push_back(row_as_json(row));
  return document.dump(1) + "\n";
}

}  // namespace notifier::analysis
