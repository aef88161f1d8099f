// SPDX-License-Identifier: MIT
// The parts of the perturbation table, one file each.
#pragma once

#include <span>

#include "harness/perturbation.hpp"

namespace notifier {

std::span<const Perturbation> process_perturbations();
std::span<const Perturbation> neighbour_perturbations();
std::span<const Perturbation> memory_perturbations();
std::span<const Perturbation> placement_perturbations();
std::span<const Perturbation> loading_perturbations();
std::span<const Perturbation> ending_perturbations();

}  // namespace notifier
