// SPDX-License-Identifier: MIT
#include "harness/case_findings.hpp"

#include <fmt/format.h>

#include "analysis/flags.hpp"
#include "kernels/record.hpp"

namespace notifier {
namespace {

std::int64_t count(std::uint64_t value) { return static_cast<std::int64_t>(value); }

}  // namespace

void add_child_findings(const ChildFindings& child, std::string_view after,
                        CaseFindings& findings) {
  findings.violations[ViolationClass::kTorn] += child.torn;
  findings.violations[ViolationClass::kForeign] += child.foreign;
  findings.violations[ViolationClass::kZero] += child.zero;
  findings.words_checked += child.words_checked;
  if (child.torn + child.foreign + child.zero == 0) return;
  std::string text = fmt::format("after {}: {} torn, {} foreign, {} zero words in the child's copy",
                                 after, child.torn, child.foreign, child.zero);
  if (child.has_first != 0) {
    text += fmt::format(", the first of them word {}: epoch {} ({:016x})", child.first_word,
                        record_epoch(child.first_observed), child.first_observed);
  }
  findings.kept.push_back(text);
}

void put_findings(const CaseFindings& findings, analysis::SummaryRow& row) {
  const ViolationCounts& counts = findings.violations;
  row.violations_stale = count(counts[ViolationClass::kStale]);
  row.violations_torn = count(counts[ViolationClass::kTorn]);
  row.violations_lost = count(counts[ViolationClass::kLost]);
  row.violations_foreign = count(counts[ViolationClass::kForeign]);
  row.violations_zero = count(counts[ViolationClass::kZero]);
  row.violations_protocol = count(counts[ViolationClass::kProtocol]);
  row.violations_missed = count(counts[ViolationClass::kMissed]);
  row.words_checked = count(findings.words_checked);
}

void put_driver_actions(const DriverActions& driver, std::string_view asked_for,
                        analysis::SummaryRow& row) {
  row.recovery_observed = driver.recovery_observed();
  row.driver_actions = driver.describe();
  row.evictions = count(driver.evictions());
  row.restores_rescheduled = count(driver.restores_rescheduled());
  if (driver.differs_from(row.memory_path, asked_for)) {
    analysis::add_flag(row.flags, "recovery_differs");
  }
}

}  // namespace notifier
