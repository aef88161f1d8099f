// SPDX-License-Identifier: MIT
// The parts of the perturbation table, one file each.
#pragma once

#include <span>
#include <string_view>

#include "harness/perturbation.hpp"

namespace notifier {

// What proves operations in more than one part.
inline constexpr std::string_view kRightsAreBack =
    "the rights are again what they were, and the kernel counts no mprotect";
inline constexpr std::string_view kSwappedOut = "pages written to swap (pswpout in /proc/vmstat)";

std::span<const Perturbation> process_perturbations();
std::span<const Perturbation> neighbour_perturbations();
std::span<const Perturbation> mapping_perturbations();
std::span<const Perturbation> page_perturbations();
std::span<const Perturbation> placement_perturbations();
std::span<const Perturbation> loading_perturbations();
std::span<const Perturbation> ending_perturbations();

}  // namespace notifier
