// SPDX-License-Identifier: MIT
// Recipes: what people report from real programs, with and without each way out, and a last line
// that says what it bought.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/schema.hpp"
#include "bench/case_families.hpp"
#include "harness/case.hpp"

namespace notifier {

/// One way to run the recipe. The first of a recipe is the one without mitigation.
struct Mitigation {
  std::string_view name;
  std::string_view what;
  Case measured;
};

inline constexpr std::uint64_t kRecipeBytes = kLargeBytes;

std::vector<std::string> recipe_names();

/// On memory of this size. Empty when there is no recipe of that name.
std::vector<Mitigation> recipe(std::string_view name, std::uint64_t size_bytes = kRecipeBytes);

/// The table of the ways that were measured, and what the best of them bought.
std::string recipe_markdown(std::string_view name, std::span<const analysis::SummaryRow> rows,
                            std::uint64_t size_bytes = kRecipeBytes);

}  // namespace notifier
