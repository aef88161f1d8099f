// SPDX-License-Identifier: MIT
// --table fork-policy: what each way of keeping device memory out of forks, or of bearing with
// them, costs. Made from summary rows alone.
#pragma once

#include <span>
#include <string>

#include "analysis/schema.hpp"

namespace notifier {

/// One line per kind of memory, policy and size, in the order of the rows; times are medians.
std::string fork_policy_markdown(std::span<const analysis::SummaryRow> rows);

/// The same as CSV, times in nanoseconds.
std::string fork_policy_csv(std::span<const analysis::SummaryRow> rows);

}  // namespace notifier
