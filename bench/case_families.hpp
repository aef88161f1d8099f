// SPDX-License-Identifier: MIT
// What is measured: families of cases, one file each, and named selections of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case.hpp"
#include "harness/perturbation.hpp"

namespace notifier {

inline constexpr std::uint64_t kSmallBytes = 64 << 10;
inline constexpr std::uint64_t kMediumBytes = 4 << 20;
inline constexpr std::uint64_t kLargeBytes = 64 << 20;

/// Every case of the grammar for the given sizes; those that cannot run are among them and say why
/// in --list and in their row.
std::vector<Case> all_cases(const std::vector<std::uint64_t>& sizes_bytes);

/// What a device with this recovery is given to do beside the perturbation.
Context usual_context(const Perturbation& perturbation, Recovery recovery);

/// One case of a named selection, with the number of events that its statistics want.
struct SelectedCase {
  Case wanted;
  std::uint32_t events;
};

/// Selections by name: "default" for the main questions, "quick" for each operation once, "full"
/// for all that can run. Empty when there is none of that name.
std::vector<SelectedCase> selection(std::string_view name);
std::vector<std::string> selection_names();

/// Events per run where no selection says otherwise: fewer where one event takes long.
std::uint32_t usual_events(const Case& wanted);

}  // namespace notifier
