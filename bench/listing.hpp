// SPDX-License-Identifier: MIT
// --list and --dry-run.
#pragma once

#include <string>
#include <vector>

#include "bench/suite.hpp"

namespace notifier {

/// One line per case: name, what the waves do, evictions expected, or why it does not run.
std::string list_cases(const std::vector<Case>& cases);

/// The schedule in order, with the number of events.
std::string list_plan(const std::vector<PlannedCase>& schedule, std::size_t cases,
                      std::uint32_t runs);

}  // namespace notifier
