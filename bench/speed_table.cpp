// SPDX-License-Identifier: MIT
#include "bench/speed_table.hpp"

#include <fmt/format.h>

#include <algorithm>
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

std::optional<double> plus(std::optional<double> value, double more) {
  return value ? std::optional(*value + more) : std::nullopt;
}

std::string spread(const std::vector<double>& values, const char* unit) {
  return fmt::format("{:.3g}{} [{:.3g}, {:.3g}]", *analysis::median(values), unit,
                     *analysis::minimum(values), *analysis::maximum(values));
}

void print(std::string& text, const std::string& what, const std::string& reference,
           const Line& line, const std::string& target, std::optional<bool> reached) {
  if (line.ratios.empty()) return;
  fmt::format_to(std::back_inserter(text), "| {} | {} | {}: {} | {} | {} | {} |\n", what,
                 spread(line.prices, " ns"), reference, spread(line.references, " ns"),
                 spread(line.ratios, ""), target,
                 !reached   ? "-"
                 : *reached ? "yes"
                            : "no");
}

void compare_with_reference(std::string& text, std::span<const SummaryRow> rows,
                            const std::vector<std::int64_t>& runs, const SpeedCase& wanted) {
  Line line;
  for (const std::int64_t run : runs) {
    line.add(value_of(rows, wanted.name, run, &SummaryRow::p50),
             value_of(rows, wanted.reference, run, &SummaryRow::p50));
  }
  if (line.ratios.empty()) return;
  std::optional<bool> reached;
  if (wanted.most_ratio) reached = *analysis::median(line.ratios) <= *wanted.most_ratio;
  print(text, wanted.name, wanted.reference, line,
        wanted.most_ratio ? fmt::format("≤ {}", *wanted.most_ratio) : "-", reached);
}

/// The wait of a caller that comes at a uniformly distributed moment is itself uniform; the call
/// without a job, of the same run, is what it takes besides.
void compare_with_jobs(std::string& text, std::span<const SummaryRow> rows,
                       const std::vector<std::int64_t>& runs, const SpeedCase& wanted) {
  struct Quantile {
    const char* name;
    Statistic statistic;
    double probability;
  };
  for (const Quantile& quantile :
       {Quantile{"p50", &SummaryRow::p50, 0.5}, Quantile{"p90", &SummaryRow::p90, 0.9}}) {
    Line line;
    for (const std::int64_t run : runs) {
      line.add(value_of(rows, wanted.name, run, quantile.statistic),
               plus(value_of(rows, wanted.reference, run, &SummaryRow::p50),
                    quantile.probability * static_cast<double>(wanted.job_ns)));
    }
    if (line.ratios.empty()) continue;
    const double error = *analysis::median(line.ratios) - 1;
    print(text, wanted.name + " " + quantile.name, "uniform remaining time + " + wanted.reference,
          line, fmt::format("{} to {}", 1 - kMostWaitError, 1 + kMostWaitError),
          error <= kMostWaitError && error >= -kMostWaitError);
  }
}

}  // namespace

std::string speed_table(std::span<const SummaryRow> rows) {
  std::vector<std::int64_t> runs;
  for (const SummaryRow& row : rows) runs.push_back(row.run);
  std::sort(runs.begin(), runs.end());
  runs.erase(std::unique(runs.begin(), runs.end()), runs.end());
  std::string text =
      "| what | price | compared with | ratio | target | reached |\n|---|---|---|---|---|---|\n";
  for (const SpeedCase& wanted : speed_cases_of_preemption()) {
    if (!wanted.reference.empty()) compare_with_reference(text, rows, runs, wanted);
  }
  for (const SpeedCase& wanted : speed_cases_of_jobs()) {
    if (!wanted.reference.empty()) compare_with_jobs(text, rows, runs, wanted);
  }
  return text;
}

}  // namespace notifier
