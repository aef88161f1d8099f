// SPDX-License-Identifier: MIT
#include "bench/speed_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "analysis/statistics.hpp"
#include "bench/speed_cases.hpp"

namespace notifier {
namespace {

using analysis::SummaryRow;

// Issue of the software GPU: the wait for jobs against its analytic distribution.
constexpr double kMostWaitError = 0.05;

using Statistic = std::optional<double> SummaryRow::*;

std::optional<double> value_of(std::span<const SummaryRow> rows, std::string_view case_name,
                               std::int64_t run, Statistic statistic) {
  for (const SummaryRow& row : rows) {
    if (row.case_name == case_name && row.run == run && !row.metric.empty()) return row.*statistic;
  }
  return std::nullopt;
}

/// One line's runs.
struct Line {
  std::vector<double> prices;
  std::vector<double> references;
  std::vector<double> ratios;

  void add(std::optional<double> price, std::optional<double> reference) {
    if (!price || !reference || *reference <= 0) return;
    prices.push_back(*price);
    references.push_back(*reference);
    ratios.push_back(*price / *reference);
  }
};

std::optional<double> plus(std::optional<double> value, std::optional<double> more) {
  return value && more ? std::optional(*value + *more) : std::nullopt;
}

std::string spread(const std::vector<double>& values, const char* unit) {
  return fmt::format("{:.3g}{} [{:.3g}, {:.3g}]", *analysis::median(values), unit,
                     *analysis::minimum(values), *analysis::maximum(values));
}

void print(std::string& text, const std::string& what, const std::string& reference,
           const Line& line, const std::string& target, std::optional<bool> reached) {
  fmt::format_to(std::back_inserter(text), "| {} | {} | {}: {} | {} | {} | {} |\n", what,
                 spread(line.prices, " ns"), reference, spread(line.references, " ns"),
                 spread(line.ratios, ""), target,
                 !reached   ? "-"
                 : *reached ? "yes"
                            : "no");
}

bool has_case(std::span<const SummaryRow> rows, std::string_view case_name) {
  return std::any_of(rows.begin(), rows.end(),
                     [&](const SummaryRow& row) { return row.case_name == case_name; });
}

/// False: no run has both values.
bool compare_with_reference(std::string& text, std::span<const SummaryRow> rows,
                            const std::vector<std::int64_t>& runs, const SpeedCase& wanted) {
  Line line;
  for (const std::int64_t run : runs) {
    line.add(value_of(rows, wanted.name, run, &SummaryRow::p50),
             value_of(rows, wanted.reference, run, &SummaryRow::p50));
  }
  if (line.ratios.empty()) return false;
  std::optional<bool> reached;
  if (wanted.most_ratio) reached = *analysis::median(line.ratios) <= *wanted.most_ratio;
  print(text, wanted.name, wanted.reference, line,
        wanted.most_ratio ? fmt::format("≤ {}", *wanted.most_ratio) : "-", reached);
  return true;
}

struct Quantile {
  const char* name;
  Statistic statistic;
  double probability;
};
constexpr std::array kWaitQuantiles{Quantile{"p50", &SummaryRow::p50, 0.5},
                                    Quantile{"p90", &SummaryRow::p90, 0.9}};

/// False: no run has all values. Without `wake` the time to be woken is left in the ratio.
bool compare_wait(std::string& text, std::span<const SummaryRow> rows,
                  const std::vector<std::int64_t>& runs, const SpeedCase& wanted,
                  const Quantile& quantile, std::string_view wake) {
  Line line;
  for (const std::int64_t run : runs) {
    auto expected = plus(value_of(rows, wanted.reference, run, &SummaryRow::p50),
                         quantile.probability * static_cast<double>(wanted.job_ns));
    if (!wake.empty()) expected = plus(expected, value_of(rows, wake, run, &SummaryRow::p50));
    line.add(value_of(rows, wanted.name, run, quantile.statistic), expected);
  }
  if (line.ratios.empty()) return false;
  print(text, wanted.name + " " + quantile.name,
        fmt::format("uniform remaining time + {}{}{}", wanted.reference, wake.empty() ? "" : " + ",
                    wake),
        line, fmt::format("{} to {}", 1 - kMostWaitError, 1 + kMostWaitError),
        std::abs(*analysis::median(line.ratios) - 1) <= kMostWaitError);
  return true;
}

/// The wait of a caller that comes at a uniformly distributed moment is itself uniform; the call
/// without a job, and to be woken after as long a sleep, are what it takes besides, both of the
/// same run. False: no run has all values.
bool compare_with_jobs(std::string& text, std::span<const SummaryRow> rows,
                       const std::vector<std::int64_t>& runs, const SpeedCase& wanted) {
  bool all = true;
  for (const std::string_view wake :
       {std::string_view(), std::string_view(wanted.wake_reference)}) {
    for (const Quantile& quantile : kWaitQuantiles) {
      all = compare_wait(text, rows, runs, wanted, quantile, wake) && all;
    }
  }
  return all;
}

}  // namespace

std::string speed_table(std::span<const SummaryRow> rows) {
  std::vector<std::int64_t> runs;
  for (const SummaryRow& row : rows) runs.push_back(row.run);
  std::sort(runs.begin(), runs.end());
  runs.erase(std::unique(runs.begin(), runs.end()), runs.end());
  std::string text =
      "| what | price | compared with | ratio | target | reached |\n|---|---|---|---|---|---|\n";
  std::string without_reference;
  const auto compare = [&](const std::vector<SpeedCase>& cases, auto add_lines) {
    for (const SpeedCase& wanted : cases) {
      if (wanted.reference.empty() || !has_case(rows, wanted.name)) continue;
      if (!add_lines(text, rows, runs, wanted)) without_reference += " " + wanted.name;
    }
  };
  compare(speed_cases_of_preemption(), compare_with_reference);
  compare(speed_cases_of_jobs(), compare_with_jobs);
  if (!without_reference.empty()) {
    text += "\nLacking a ratio, for no run has all of its values:" + without_reference + "\n";
  }
  return text;
}

}  // namespace notifier
