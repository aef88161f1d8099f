// SPDX-License-Identifier: MIT
// Corrections for many tests at once. The adjusted values come in the order of the given ones; the
// family is exactly what is given, so nothing that filters a table may happen before.
#pragma once

#include <span>
#include <vector>

namespace notifier::analysis {

// Holm 1979: bounds the chance of any false alarm, whatever the dependence.
std::vector<double> adjust_holm(std::span<const double> p_values);

// Benjamini and Hochberg 1995: bounds the expected share of false alarms among the alarms.
std::vector<double> adjust_benjamini_hochberg(std::span<const double> p_values);

}  // namespace notifier::analysis
