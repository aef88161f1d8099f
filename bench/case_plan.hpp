// SPDX-License-Identifier: MIT
// From the options to the cases that they ask for.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/options.hpp"
#include "bench/suite.hpp"

namespace notifier {

/// Of the memory that --recipe works on.
std::uint64_t recipe_size_bytes(const Options& options);

/// The cases to register or to list: a selection, unless a filter, sizes or --all ask for more, or
/// a list is wanted and nothing says of what.
std::vector<PlannedCase> plan_cases(const Options& options);

/// Whether the options choose cases by what they are, so that a list of them is not one of all.
bool chooses_cases(const Options& options);

}  // namespace notifier
