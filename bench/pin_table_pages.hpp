// SPDX-License-Identifier: MIT
// The part of the verdict table that has a column for each kind of page (harness/pin/backing.hpp).
#pragma once

#include <span>
#include <string>

#include "bench/pin_table.hpp"

namespace notifier {

/// Appends nothing where there are only plain pages.
void append_outcomes_by_pages(std::string& text, std::span<const PinCell> cells);

}  // namespace notifier
