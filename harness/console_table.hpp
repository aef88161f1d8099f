// SPDX-License-Identifier: MIT
// The table a person reads: one line per case and run, natural units.
#pragma once

#include <span>
#include <string>

#include "analysis/schema.hpp"

namespace notifier {

std::string table_header();

/// The line of one run of one case, from its summary rows.
std::string table_line(std::span<const analysis::SummaryRow> rows);

}  // namespace notifier
