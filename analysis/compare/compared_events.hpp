// SPDX-License-Identifier: MIT
// Which events a comparison looks at: the one rule of notifier_compare, of the night's mail and of
// the dashboard's page, so that they cannot contradict each other.
#pragma once

#include <string_view>

#include "analysis/schema.hpp"

namespace notifier::analysis {

// What is longer meets a lost CPU more often, so leaving out what is flagged takes the long ones
// from the slower side. The meters of a virtual machine are unreliable, and everything there can
// be flagged: kernels booted in turn in one would be compared by what is left.
inline constexpr EventSet kComparedEvents = EventSet::kAll;
inline constexpr std::string_view kWhyComparedEvents =
    "Compared are all events, flagged ones too, as notifier_compare takes them: longer stalls lose "
    "their CPU more often, and meters in guests are unreliable, so that without the flagged events "
    "what is compared would be missing.";

}  // namespace notifier::analysis
