// SPDX-License-Identifier: MIT
// What a recording's runs of cases came to; the last line of each program and its exit code.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "analysis/flags.hpp"
#include "analysis/schema.hpp"
#include "bench/exit_code.hpp"

namespace notifier {

struct RowCounts {
  std::int64_t ok = 0;
  std::int64_t skipped = 0;
  std::int64_t failed = 0;
  std::int64_t violations = 0;
  std::int64_t unexpected_evictions = 0;  // runs with some

  /// One run of a case. Of a run that was cut short only its violations count.
  void add(const analysis::SummaryRow& row) {
    violations += analysis::total_violations(row).value_or(0);
    if (analysis::has_flag(row.flags, "interrupted")) return;
    unexpected_evictions += analysis::has_flag(row.flags, "unexpected_evictions") ? 1 : 0;
    switch (row.status) {
      case analysis::Status::kOk:
        ++ok;
        break;
      case analysis::Status::kSkipped:
        ++skipped;
        break;
      case analysis::Status::kFailed:
        ++failed;
        break;
    }
  }

  /// Of a program that checks no data.
  std::string outcomes() const {
    return fmt::format("{} ok, {} skipped, {} failed", ok, skipped, failed);
  }
  std::string sentence() const {
    std::string text = fmt::format("{}; {} integrity violations", outcomes(), violations);
    if (unexpected_evictions > 0) {
      text += fmt::format("; unexpected evictions in {} runs", unexpected_evictions);
    }
    return text;
  }

  /// Of a program that came to its end by itself.
  int exit_code() const {
    if (failed > 0 || violations > 0) return kExitViolation;
    return ok == 0 ? kExitNothingRan : kExitOk;
  }
};

}  // namespace notifier
