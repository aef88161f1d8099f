// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <ranges>

#include "analysis/fleet/fleet.hpp"

namespace notifier::fleet {
namespace {

constexpr std::size_t kMostCasesNamed = 5;

/// Text of a recording must not end a cell or begin markup.
std::string cell(std::string_view text) {
  std::string result;
  for (const char byte : text) {
    if (byte == '|' || byte == '<' || byte == '`' || byte == '\\') result += '\\';
    result += byte == '\n' || byte == '\r' ? ' ' : byte;
  }
  return result;
}

std::string percent(double ratio) { return fmt::format("{:+.1f} %", 100 * (ratio - 1)); }

std::string verdict(const Gpu& gpu) {
  if (!gpu.typical_ratio) return "not compared";
  std::string text;
  if (gpu.odd) text = *gpu.typical_ratio > 1 ? "**outlier: slower**" : "**outlier: faster**";
  if (!gpu.odd_cases.empty()) {
    text += fmt::format("{}**outlier in {} of {} cases**", text.empty() ? "" : "; ",
                        gpu.odd_cases.size(), gpu.cases);
  }
  return text.empty() ? "as the fleet" : text;
}

std::string odd_cases(const Gpu& gpu) {
  std::string text;
  for (const OddCase& odd : gpu.odd_cases | std::views::take(kMostCasesNamed)) {
    text += fmt::format("- {} ({}): {}, {} {:.4g} {} where the fleet has {:.4g} (score {:.1f})\n",
                        cell(gpu.device), cell(gpu.machine), cell(odd.case_name), cell(odd.metric),
                        odd.value, cell(odd.unit), odd.fleet_median, odd.score);
  }
  if (gpu.odd_cases.size() > kMostCasesNamed) {
    text += fmt::format("- {} ({}): {} cases more\n", cell(gpu.device), cell(gpu.machine),
                        gpu.odd_cases.size() - kMostCasesNamed);
  }
  return text;
}

}  // namespace

std::string fleet_markdown(const FleetReport& report, const FleetOptions& options) {
  std::string text =
      "| GPU | machine | platform | recordings | cases | against the fleet | violations | failed "
      "runs | verdict |\n"
      "|---|---|---|--:|--:|--:|--:|--:|---|\n";
  for (const Gpu& gpu : report.gpus) {
    text += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", cell(gpu.device),
                        cell(gpu.machine), cell(gpu.platform), gpu.recordings, gpu.cases,
                        gpu.typical_ratio ? percent(*gpu.typical_ratio) : "", gpu.violations,
                        gpu.failed_runs, verdict(gpu));
  }
  text += "\n";
  for (const Gpu& gpu : report.gpus) text += odd_cases(gpu);
  if (report.too_few) {
    text +=
        fmt::format("No case was measured on {} GPUs of one platform: nothing can be called odd.\n",
                    kFewestGpus);
  } else {
    text += fmt::format(
        "\n{} cases compared, by the median over runs of each case's headline metric. An outlier "
        "is "
        "at least {:.0f} % from the median GPU, and further than chance among that many would "
        "be.\n",
        report.cases_compared, 100 * options.smallest_effect);
  }
  for (const std::string& problem : report.problems) {
    text += fmt::format("\nNot read: {}\n", cell(problem));
  }
  return text;
}

}  // namespace notifier::fleet
