// SPDX-License-Identifier: MIT
#include "analysis/compare/report_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "analysis/utf8.hpp"

namespace notifier::analysis {
namespace {

std::string three_digits(double value) {
  const double magnitude = std::abs(value);
  if (magnitude == 0) return "0";
  if (magnitude >= 1e6 || magnitude < 1e-3) return fmt::format("{:.3g}", value);
  const int digits = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3;
  return fmt::format("{:.{}f}", value, digits);
}

std::string signed_percent(double log_ratio) {
  const double percent = std::expm1(log_ratio) * 100;
  return std::abs(percent) < 1000 ? fmt::format("{:+.1f}", percent)
                                  : fmt::format("{:+.2g}", percent);
}

std::string share_text(const OccupancyChange& change, std::string_view unit, Charset charset) {
  std::string text;
  for (const Bucket& bucket : change.buckets) {
    text += fmt::format("{}{}: {:.0f} -> {:.0f} %", text.empty() ? "" : ", ",
                        natural(std::sqrt(bucket.low * bucket.high), unit, charset),
                        bucket.share_a * 100, bucket.share_b * 100);
  }
  return text;
}

std::string joined(const std::set<std::string>& words) {
  return words.empty() ? std::string("?") : fmt::format("{}", fmt::join(words, ", "));
}

std::string counted(std::size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

std::string natural(double value, std::string_view unit, Charset charset) {
  if (unit != "ns") {
    const bool is_plain = unit == "count" || unit.empty();
    return three_digits(value) + (is_plain ? "" : " " + std::string(unit));
  }
  struct Step {
    double size;
    const char* name;
  };
  const char* micro = charset == Charset::kUtf8 ? "µs" : "us";
  const std::array steps = {Step{1e9, "s"}, Step{1e6, "ms"}, Step{1e3, micro}};
  for (const Step& step : steps) {
    // so that 999.96 us is written as 1.00 ms
    if (std::abs(value) >= step.size * 0.99995) {
      return three_digits(value / step.size) + " " + step.name;
    }
  }
  return three_digits(value) + " ns";
}

std::string effect_text(const Row& row, double effect, Charset charset) {
  if (row.judgement->scale == Scale::kRatio) return signed_percent(effect) + " %";
  return (effect > 0 ? "+" : "") + natural(effect, row.unit, charset);
}

std::string interval_text(const Row& row, Charset charset) {
  const Judgement& judgement = *row.judgement;
  if (!judgement.interval) return "n/a";
  const auto& [low, high] = *judgement.interval;
  if (judgement.scale == Scale::kRatio) {
    return fmt::format("[{}, {}] %", signed_percent(low), signed_percent(high));
  }
  return fmt::format("[{}, {}]", effect_text(row, low, charset), effect_text(row, high, charset));
}

std::string old_text(const Row& row, Charset charset) {
  return row.judgement ? natural(row.judgement->old_figure, row.unit, charset) : "";
}

std::string new_text(const Row& row, Charset charset) {
  return row.judgement ? natural(row.judgement->new_figure, row.unit, charset) : "";
}

std::string change_text(const Row& row, Charset charset) {
  if (row.occupancy) return share_text(*row.occupancy, row.unit, charset);
  if (!row.judgement) return "";
  return effect_text(row, row.judgement->effect, charset) + " " + interval_text(row, charset);
}

std::string probability_text(std::optional<double> p) {
  if (!p) return "";
  return *p < 1e-3 ? fmt::format("{:.0e}", *p) : fmt::format("{:.3f}", *p);
}

std::string reason_text(const Row& row) {
  if (!row.further) return row.reason;
  const std::string_view unit = to_word(row.judgement->replicate);
  return fmt::format("{}; {} more {}{} a side", row.reason, *row.further, unit,
                     *row.further == 1 ? "" : "s");
}

std::string count_text(const Row& row) {
  return fmt::format("{}+{} runs, {}+{} boots", row.old_runs, row.new_runs, row.old_boots,
                     row.new_boots);
}

std::string side_text(const RunSet& runs) {
  std::set<std::string> cases;
  std::set<std::string> boots;
  std::set<std::string> kernels;
  std::set<std::string> machines;
  std::set<std::string> platforms;
  for (const CaseRun& run : runs.runs) {
    cases.insert(run.identity.case_name);
    boots.insert(run.identity.boot_id);
    machines.insert(run.identity.machine);
    platforms.insert(run.identity.platform);
    if (!run.identity.kernel_release.empty()) kernels.insert(run.identity.kernel_release);
  }
  return fmt::format("{} of {} in {}, {}; {}, {}, kernel {}", counted(runs.runs.size(), "case run"),
                     counted(cases.size(), "case"), counted(runs.recordings.size(), "recording"),
                     counted(boots.size(), "boot"), joined(machines), joined(platforms),
                     joined(kernels));
}

std::string difference_text(const EnvironmentDifference& difference) {
  return fmt::format("{}: {} -> {}", difference.field, joined(difference.old_values),
                     joined(difference.new_values));
}

std::string_view kind_text(DifferenceKind kind) {
  switch (kind) {
    case DifferenceKind::kMatters:
      return "NOT DECLARED";
    case DifferenceKind::kDeclared:
      return "declared";
    case DifferenceKind::kReported:
      return "for information";
    case DifferenceKind::kUnknown:
      return "unknown on a side";
  }
  return "";
}

std::vector<std::string> method_lines(const Comparison& comparison, const ReportContext& context) {
  const JudgeOptions& judge = context.options.judge;
  return {
      fmt::format("Figures are of runs (of boots where the sides differ in boot): median of the "
                  "runs, Hodges-Lehmann shift, {:g} % interval; tails by Harrell-Davis.",
                  judge.confidence * 100),
      fmt::format("Minimum effect {:g} %. q: Benjamini-Hochberg over all {} tests. Gate: Holm over "
                  "the headline medians of {} cases, level {:g} %.",
                  judge.minimum_effect * 100, comparison.report_family, comparison.gate_family,
                  judge.alpha * 100),
  };
}

std::string outcome_line(const Comparison& comparison) {
  if (comparison.refused) {
    return "Not comparable: the sides differ in what was not declared (--vary FIELD, or --force).";
  }
  const Outcome outcome = count_gate(comparison);
  return fmt::format("Gate: {}, {}, {} same, {} undecided; {} not comparable.",
                     counted(outcome.regressions, "regression"),
                     counted(outcome.improvements, "improvement"), outcome.same, outcome.undecided,
                     counted(outcome.not_comparable, "row"));
}

bool is_notable(const Row& row) {
  switch (row.verdict) {
    case Verdict::kBroken:
    case Verdict::kWorse:
    case Verdict::kBetter:
    case Verdict::kRepaired:
      return true;
    case Verdict::kUndecided:
      return row.headline;
    case Verdict::kNotComparable:
      return row.headline || !row.judgement;
    case Verdict::kSame:
      return false;
  }
  return false;
}

std::vector<std::size_t> column_widths(const TextTable& table) {
  std::vector<std::size_t> widths;
  for (const auto& row : table) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], count_code_points(row[i]));
    }
  }
  return widths;
}

std::string pad(const std::string& cell, std::size_t width, Align align) {
  const std::size_t length = count_code_points(cell);
  const std::string blanks(width > length ? width - length : 0, ' ');
  return align == Align::kLeft ? cell + blanks : blanks + cell;
}

}  // namespace notifier::analysis
