// SPDX-License-Identifier: MIT
#include "bench/case_plan.hpp"

#include <algorithm>

#include "bench/case_families.hpp"
#include "bench/case_filter.hpp"
#include "bench/recipe.hpp"
#include "harness/explain.hpp"

namespace notifier {
namespace {

const std::vector<std::uint64_t> kUsualSizes{kSmallBytes, kMediumBytes, kLargeBytes};

}  // namespace

std::uint64_t recipe_size_bytes(const Options& options) {
  return options.sizes_bytes.empty() ? kRecipeBytes : options.sizes_bytes.front();
}

bool chooses_cases(const Options& options) {
  return options.selection_given || !options.filter.empty() || !options.recipe.empty() ||
         !options.explain.empty();
}

std::vector<PlannedCase> plan_cases(const Options& options) {
  std::vector<PlannedCase> plan;
  if (const std::optional<Case> explained = parse_case(options.explain)) {
    for (const Case& wanted : cases_to_explain(*explained)) {
      plan.push_back({wanted, usual_events(wanted)});
    }
    return plan;
  }
  if (!options.recipe.empty()) {
    for (const Mitigation& mitigation : recipe(options.recipe, recipe_size_bytes(options))) {
      const auto& chosen = options.mitigations;
      if (!chosen.empty() &&
          std::find(chosen.begin(), chosen.end(), mitigation.name) == chosen.end()) {
        continue;
      }
      plan.push_back({mitigation.measured, usual_events(mitigation.measured)});
    }
    return plan;
  }
  const bool whole_grammar = options.all || (options.list && !options.selection_given) ||
                             !options.filter.empty() || !options.sizes_bytes.empty();
  if (whole_grammar) {
    for (const Case& wanted :
         all_cases(options.sizes_bytes.empty() ? kUsualSizes : options.sizes_bytes)) {
      plan.push_back({wanted, usual_events(wanted)});
    }
  } else {
    for (const SelectedCase& selected : selection(options.selection)) {
      plan.push_back({selected.wanted, selected.events});
    }
  }
  CaseFilter(options.filter).keep_selected(plan, [](const PlannedCase& planned) {
    return planned.wanted.name();
  });
  return plan;
}

}  // namespace notifier
