// SPDX-License-Identifier: MIT
#include "analysis/compare/outcome_rows.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "analysis/compare/series.hpp"

namespace notifier::analysis {
namespace {

struct SideOutcome {
  std::size_t ok = 0;
  std::size_t skipped = 0;
  std::size_t failed = 0;
  std::int64_t violations = 0;
  std::string reason;  // of the first run that is not ok, failed before skipped
  std::string classes;
};

void add_class(std::string& text, const char* name, std::int64_t count) {
  if (count == 0) return;
  text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, name);
}

std::string violation_classes(const Runs& runs) {
  struct Class {
    const char* name;
    std::optional<std::int64_t> SummaryRow::*count;
  };
  constexpr std::array kClasses = {
      Class{"stale", &SummaryRow::violations_stale},
      Class{"torn", &SummaryRow::violations_torn},
      Class{"lost", &SummaryRow::violations_lost},
      Class{"foreign", &SummaryRow::violations_foreign},
      Class{"zero", &SummaryRow::violations_zero},
      Class{"protocol", &SummaryRow::violations_protocol},
      Class{"missed", &SummaryRow::violations_missed},
  };
  std::string text;
  for (const Class& each : kClasses) {
    std::int64_t sum = 0;
    for (const CaseRun* run : runs) sum += (run->identity.*each.count).value_or(0);
    add_class(text, each.name, sum);
  }
  return text;
}

SideOutcome summarise(const Runs& runs) {
  SideOutcome side;
  std::string skip_reason;
  for (const CaseRun* run : runs) {
    const SummaryRow& row = run->identity;
    side.violations += total_violations(row).value_or(0);
    if (row.status == Status::kOk) ++side.ok;
    if (row.status == Status::kSkipped) {
      ++side.skipped;
      if (skip_reason.empty()) skip_reason = row.reason;
    }
    if (row.status == Status::kFailed) {
      ++side.failed;
      if (side.reason.empty()) side.reason = row.reason;
    }
  }
  if (side.reason.empty()) side.reason = skip_reason;
  side.classes = violation_classes(runs);
  return side;
}

Row make_row(const CasePair& pair, const char* statistic, Verdict verdict, Gate gate,
             std::string reason) {
  Row row = make_case_row(pair);
  row.statistic = statistic;
  row.verdict = verdict;
  row.gate = gate;
  row.reason = std::move(reason);
  return row;
}

void add_violations(const CasePair& pair, const SideOutcome& before, const SideOutcome& after,
                    std::vector<Row>& rows) {
  if (after.violations > 0) {
    std::string reason = after.classes;
    if (before.violations > 0) reason += fmt::format(" (old: {})", before.classes);
    rows.push_back(make_row(pair, "violations", Verdict::kBroken, Gate::kRegression, reason));
  } else if (before.violations > 0) {
    rows.push_back(make_row(pair, "violations", Verdict::kRepaired, Gate::kImprovement,
                            "none; old: " + before.classes));
  }
}

void add_status(const CasePair& pair, const SideOutcome& before, const SideOutcome& after,
                std::vector<Row>& rows) {
  const auto runs = [](std::size_t count, std::size_t of) {
    return fmt::format("{} of {} runs", count, of);
  };
  const std::size_t new_runs = pair.new_runs.size();
  const std::size_t old_runs = pair.old_runs.size();
  const auto add = [&](Verdict verdict, Gate gate, std::string reason) {
    rows.push_back(make_row(pair, "status", verdict, gate, std::move(reason)));
  };
  const bool ran_before = before.failed == 0 && before.ok > 0;
  if (after.failed > 0 && before.failed == old_runs) {
    add(Verdict::kNotComparable, Gate::kNotCounted, "failed on both sides: " + after.reason);
  } else if (after.failed > 0) {
    add(Verdict::kBroken, Gate::kRegression,
        runs(after.failed, new_runs) + " failed: " + after.reason);
  } else if (after.skipped > 0 && ran_before && before.skipped == 0) {
    add(Verdict::kBroken, Gate::kRegression,
        runs(after.skipped, new_runs) + " skipped: " + after.reason);
  } else if (after.ok == 0 && before.ok > 0) {
    add(Verdict::kBroken, Gate::kRegression, "all runs skipped: " + after.reason);
  } else if (after.ok == 0) {
    const char* what =
        before.failed > 0 ? "failed before, skipped now: " : "skipped on both sides: ";
    add(Verdict::kNotComparable, Gate::kNotCounted, what + after.reason);
  } else if (before.failed > 0 || before.ok == 0) {
    const char* what = before.failed > 0 ? " failed before: " : " skipped before: ";
    add(Verdict::kRepaired, Gate::kImprovement,
        runs(before.failed > 0 ? before.failed : before.skipped, old_runs) + what + before.reason);
  }
}

}  // namespace

std::vector<Row> judge_outcome(const CasePair& pair) {
  std::vector<Row> rows;
  const SideOutcome before = summarise(pair.old_runs);
  const SideOutcome after = summarise(pair.new_runs);
  add_violations(pair, before, after, rows);
  if (pair.old_runs.empty() || pair.new_runs.empty()) {
    const bool is_new = pair.old_runs.empty();
    const bool has_failed = is_new && after.failed > 0;
    rows.push_back(make_row(pair, "status", has_failed ? Verdict::kBroken : Verdict::kNotComparable,
                            has_failed ? Gate::kRegression : Gate::kNotCounted,
                            has_failed ? "new case failed: " + after.reason
                                       : std::string(is_new ? "only in new" : "only in old")));
    return rows;
  }
  add_status(pair, before, after, rows);
  return rows;
}

}  // namespace notifier::analysis
