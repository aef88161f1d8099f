// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include "analysis/compare/report.hpp"
#include "analysis/compare/report_text.hpp"
#include "analysis/compare/xml_text.hpp"

namespace notifier::analysis {
namespace {

// Rows that the gate counts are test cases: regressions fail, what could not be decided is skipped.
bool is_test_case(const Row& row) {
  return row.gate != Gate::kNotCounted || row.verdict == Verdict::kNotComparable;
}

std::string message_of(const Row& row) {
  std::string message = change_text(row, Charset::kUtf8);
  const std::string reason = reason_text(row);
  if (!message.empty() && !reason.empty()) message += "; ";
  return message + reason;
}

std::string test_case(const Row& row) {
  const std::string figure = row.metric.empty() ? row.statistic : row.metric + " " + row.statistic;
  std::string text = fmt::format("  <testcase classname=\"{}\" name=\"{}\"",
                                 escape_markup(row.case_name), escape_markup(figure));
  const std::string message = escape_markup(message_of(row));
  if (row.gate == Gate::kRegression) {
    return text + fmt::format(
                      ">\n    <failure type=\"{}\" message=\"{}\">{}</failure>\n"
                      "  </testcase>\n",
                      to_word(row.verdict, row.unit), message, escape_markup(row.command));
  }
  if (row.gate == Gate::kUndecided || row.verdict == Verdict::kNotComparable) {
    return text + fmt::format(">\n    <skipped message=\"{}: {}\"/>\n  </testcase>\n",
                              to_word(row.verdict, row.unit), message);
  }
  return text + "/>\n";
}

}  // namespace

std::string junit_report(const Comparison& comparison, const ReportContext& context) {
  std::string cases;
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t skipped = 0;
  for (const Row& row : comparison.rows) {
    if (!is_test_case(row)) continue;
    ++tests;
    if (row.gate == Gate::kRegression) {
      ++failures;
    } else if (row.gate == Gate::kUndecided || row.verdict == Verdict::kNotComparable) {
      ++skipped;
    }
    cases += test_case(row);
  }
  std::size_t errors = 0;
  if (comparison.refused) {
    ++tests;
    ++errors;
    cases += "  <testcase classname=\"environment\" name=\"declared\">\n    <error message=\"";
    for (const EnvironmentDifference& difference : comparison.environment) {
      if (difference.kind != DifferenceKind::kMatters) continue;
      cases += escape_markup(difference_text(difference)) + "; ";
    }
    cases += "\"/>\n  </testcase>\n";
  }
  return fmt::format(
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"notifier_compare\" "
             "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n  <properties>\n"
             "    <property name=\"old\" value=\"{}\"/>\n    <property name=\"new\" "
             "value=\"{}\"/>\n"
             "  </properties>\n",
             tests, failures, errors, skipped, escape_markup(side_text(*context.old_runs)),
             escape_markup(side_text(*context.new_runs))) +
         cases + "</testsuite>\n";
}

}  // namespace notifier::analysis
