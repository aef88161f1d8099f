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

/// The cases to register: a selection, unless a filter, sizes or --all ask for more.
std::vector<PlannedCase> plan_cases(const Options& options);

}  // namespace notifier
