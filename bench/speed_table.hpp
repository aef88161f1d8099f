// SPDX-License-Identifier: MIT
// The Markdown table of docs/softgpu.md, from a recording's summary.csv.
#pragma once

#include <span>
#include <string>

#include "analysis/schema.hpp"

namespace notifier {

/// Each case beside its reference of the same run, and their ratio, with the target: medians over
/// the runs [least, most] of the runs' medians.
std::string speed_table(std::span<const analysis::SummaryRow> rows);

}  // namespace notifier
