// SPDX-License-Identifier: MIT
// What was found out about one run of a case, and the columns that say it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/schema.hpp"
#include "harness/child_board.hpp"
#include "harness/driver_actions.hpp"
#include "harness/integrity.hpp"

namespace notifier {

struct CaseFindings {
  ViolationCounts violations;
  std::uint64_t violations_at_end = 0;  // of the last scan alone, over all of the memory
  std::uint64_t words_checked = 0;
  std::uint64_t pages_moved_unseen = 0;
  DriverActions driver;
  std::uint64_t events_with_eviction = 0;
  std::uint64_t stops_at_job_end = 0;  // of these, those whose longest gap began where a job ended
  std::optional<double> clock_residual_ns;
  double iteration_ns = 0;
  double register_ns = 0;
  double context_bytes = 0;
  std::vector<std::string> kept;  // violations in words
};

/// What a child has found in its copy.
void add_child_findings(const ChildFindings& child, std::string_view after, CaseFindings& findings);

/// Violations and the number of words checked.
void put_findings(const CaseFindings& findings, analysis::SummaryRow& row);

/// What the driver did, and the flag where that is not what the row's path and `asked_for`
/// (preempt, retry_fault, ...) ask for.
void put_driver_actions(const DriverActions& driver, std::string_view asked_for,
                        analysis::SummaryRow& row);

}  // namespace notifier
