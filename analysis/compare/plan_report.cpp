// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include "analysis/compare/plan.hpp"
#include "analysis/compare/report_text.hpp"
#include "analysis/csv.hpp"

namespace notifier::analysis {
namespace {

std::string percent(const std::optional<double>& ratio) {
  return ratio ? fmt::format("{:.1f} %", *ratio * 100) : "n/a";
}

std::string duration(double seconds) {
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

std::optional<double> seconds_of(const PlanRow& row) {
  if (!row.runs_needed || !row.seconds_per_run) return std::nullopt;
  return 2 * static_cast<double>(*row.runs_needed) * *row.seconds_per_run;
}

}  // namespace

std::string plan_report(const Plan& plan, const PlanOptions& options) {
  std::string text = fmt::format(
      "Runs a side that find a change of {:g} % with power {:g} %, minimum effect {:g} %, gate "
      "over "
      "{} cases.\nNoise is the upper 80 % limit of the relative standard deviation.\n\n",
      options.effect * 100, options.power * 100, options.compare.judge.minimum_effect * 100,
      plan.family_size);
  TextTable table = {{"case", "metric", "runs", "boots", "run noise", "boot noise", "runs a side",
                      "time", "found with these runs", "why not"}};
  for (const PlanRow& row : plan.rows) {
    const auto seconds = seconds_of(row);
    table.push_back({row.case_name, row.metric, std::to_string(row.runs), std::to_string(row.boots),
                     percent(row.run_noise), percent(row.boot_noise),
                     row.runs_needed ? std::to_string(*row.runs_needed) : "n/a",
                     seconds ? duration(*seconds) : "n/a", percent(row.detectable), row.reason});
  }
  const std::vector<std::size_t> widths = column_widths(table);
  for (const auto& row : table) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool is_text = i < 2 || i + 1 == row.size();
      line += pad(row[i], widths[i], is_text ? Align::kLeft : Align::kRight) + "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  const auto unknown = std::count_if(plan.rows.begin(), plan.rows.end(), [](const PlanRow& row) {
    return !row.runs_needed || !row.seconds_per_run;
  });
  const bool is_known = unknown < std::ssize(plan.rows);
  text += "\nBoth sides together: " + (is_known ? duration(plan.total_seconds) : "n/a");
  if (is_known && unknown > 0) {
    text += fmt::format(", without the {} cases of unknown time", unknown);
  }
  text += ".\n";
  text +=
      "Where the sides need different boots, boots take the place of runs: see the boot noise.\n";
  return text;
}

std::string plan_csv(const Plan& plan) {
  std::ostringstream text;
  CsvWriter writer(text);
  for (const char* name :
       {"machine", "case_name", "metric", "runs", "boots", "run_noise", "boot_noise", "runs_needed",
        "detectable", "seconds_per_run", "reason"}) {
    writer.text(name);
  }
  writer.end_row();
  const auto optional_number = [&](const std::optional<double>& value) {
    value ? writer.number(*value) : writer.empty();
  };
  for (const PlanRow& row : plan.rows) {
    writer.text(row.machine).text(row.case_name).text(row.metric);
    writer.integer(static_cast<std::int64_t>(row.runs));
    writer.integer(static_cast<std::int64_t>(row.boots));
    optional_number(row.run_noise);
    optional_number(row.boot_noise);
    row.runs_needed ? writer.integer(static_cast<std::int64_t>(*row.runs_needed)) : writer.empty();
    optional_number(row.detectable);
    optional_number(row.seconds_per_run);
    writer.text(row.reason).end_row();
  }
  return text.str();
}

}  // namespace notifier::analysis
