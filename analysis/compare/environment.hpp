// SPDX-License-Identifier: MIT
// What differs between the sides besides what was to be compared.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/compare/run_set.hpp"

namespace notifier::analysis {

enum class DifferenceKind : std::uint8_t {
  kDeclared,  // named by --vary or --by
  kReported,  // does not matter for the figures, or follows from others
  kMatters,   // nobody said that it should differ: the sides cannot be compared
  kUnknown,   // one side has no value for it
};

struct EnvironmentDifference {
  std::string field;
  std::set<std::string> old_values;  // several when a side is not uniform
  std::set<std::string> new_values;
  DifferenceKind kind = DifferenceKind::kMatters;
};

// Sorted by kind (what matters first), then by field. A field that is uniform and equal on both
// sides is left out; so are fields that differ between any two runs anyway, such as boot_id.
std::vector<EnvironmentDifference> compare_environments(const RunSet& old_runs,
                                                        const RunSet& new_runs,
                                                        std::span<const std::string> varied);

// Whether a --vary word covers the field: the field itself, a group ("memory_policy"), a pattern
// with * or ?, or one of the sets kernel, driver, rocm, firmware, machine and suite.
bool covers(std::string_view word, std::string_view field);

}  // namespace notifier::analysis
