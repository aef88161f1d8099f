// SPDX-License-Identifier: MIT
#include "bench/listing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "bench/case_time.hpp"
#include "harness/perturbation.hpp"

namespace notifier {
namespace {

/// "1", or "1-8" where events may fall together.
std::string expected_text(const Case& wanted, const Perturbation& row) {
  const ExpectedEvictions expected = expected_evictions(row, usual_reach(wanted));
  if (expected.least == expected.most) return std::to_string(expected.least);
  return fmt::format("{}-{}", expected.least, expected.most);
}

}  // namespace

std::string list_cases(const std::vector<Case>& cases) {
  std::size_t columns = 0;
  for (const Case& wanted : cases) columns = std::max(columns, wanted.name().size());
  std::string text =
      fmt::format("{:<{}} {:<14} {:>9}  {}\n", "case", columns, "touch", "evictions", "note");
  for (const Case& wanted : cases) {
    const Perturbation* row = find_perturbation(wanted.perturbation);
    if (row == nullptr) continue;
    const MemoryPath path = usual_path(wanted.memory);
    const TouchRule rule = touch_rule(wanted, *row, path);
    const bool runs = can_run(rule, *row);
    const std::string evictions = runs ? expected_text(wanted, *row) : "-";
    std::string note = rule.reason;
    if (runs && !row->hazard.empty()) {
      note = fmt::format("hazardous on a real GPU: {}", row->hazard);
    }
    fmt::format_to(std::back_inserter(text), "{:<{}} {:<14} {:>9}  {}\n", wanted.name(), columns,
                   to_string(rule.touch), evictions, note);
  }
  fmt::format_to(std::back_inserter(text), "{} cases\n", cases.size());
  return text;
}

std::string list_plan(const std::vector<PlannedCase>& schedule, std::size_t cases,
                      std::uint32_t runs) {
  std::string text;
  double estimate_s = 0;
  std::size_t columns = 0;
  for (const PlannedCase& planned : schedule) {
    columns = std::max(columns, planned.wanted.name().size());
  }
  for (const PlannedCase& planned : schedule) {
    estimate_s += estimated_s(planned.wanted, planned.events);
    fmt::format_to(std::back_inserter(text), "{:<{}} {:>5} events\n", planned.wanted.name(),
                   columns, planned.events);
  }
  fmt::format_to(std::back_inserter(text), "{} cases, {} run{} each\n", cases, runs,
                 runs == 1 ? "" : "s");
  fmt::format_to(
      std::back_inserter(text),
      "about {:.0f} s on the software GPU with two quiet CPUs, besides start, meter check "
      "and self-test\n",
      estimate_s);
  return text;
}

}  // namespace notifier
