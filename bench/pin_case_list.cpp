// SPDX-License-Identifier: MIT
// Which pin cases there are, and what they are called.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bench/pin_cases.hpp"
#include "harness/case.hpp"

namespace notifier {
namespace {

constexpr std::array<std::uint64_t, 4> kCostSizes = {1 << 20, 4 << 20, 16 << 20, 64 << 20};
// A fork that has to take huge pages apart costs half a second for 64 MiB.
constexpr std::uint64_t kLargestHugeCost = 16 << 20;

void add_cost_cases(const pin::ActorRow& actor, std::vector<PinCase>& cases) {
  for (const pin::Backing backing : {pin::Backing::kAnon, pin::Backing::kThp}) {
    for (const std::uint64_t size_bytes : kCostSizes) {
      const bool huge = backing == pin::Backing::kThp;
      if (actor.largest_bytes != 0 && size_bytes > actor.largest_bytes) continue;
      if (huge && (size_bytes < pin::kHugeBytes || size_bytes > kLargestHugeCost)) continue;
      cases.push_back({.actor = &actor, .backing = backing, .size_bytes = size_bytes});
    }
  }
}

/// Copy on write on every kind of page, as the kernel's selftests/mm/cow.c has it.
void add_page_cases(std::vector<PinCase>& cases) {
  for (const pin::BackingRow& pages : pin::backings()) {
    if (pin::is_plain(pages.backing)) continue;
    for (const pin::ActorRow& actor : pin::actors()) {
      if (!actor.on_all_pages) continue;
      for (const pin::PerturbationRow& row : pin::perturbations()) {
        if (!row.on_all_pages) continue;
        cases.push_back({.actor = &actor, .perturbation = &row, .backing = pages.backing});
      }
    }
  }
}

}  // namespace

std::string_view PinCase::perturbation_name() const {
  if (together != nullptr) return together->name;
  return perturbation != nullptr ? perturbation->name : "fork_exit";
}

std::string_view PinCase::policy() const {
  return perturbation != nullptr ? perturbation->policy : "default";
}

std::string PinCase::name() const {
  return fmt::format("pin_{}/{}/{}/{}/none/none/{}", actor->name, to_string(backing),
                     perturbation_name(), policy(), format_size(size_bytes));
}

std::vector<PinCase> all_pin_cases() {
  std::vector<PinCase> cases;
  for (const pin::Backing backing : {pin::Backing::kAnon, pin::Backing::kThp}) {
    for (const pin::ActorRow& actor : pin::actors()) {
      for (const pin::PerturbationRow& row : pin::perturbations()) {
        // Attempts to move pages are about base pages.
        if (row.moves && backing == pin::Backing::kThp) continue;
        cases.push_back({.actor = &actor, .perturbation = &row, .backing = backing});
      }
    }
  }
  add_page_cases(cases);
  for (const pin::ActorRow& actor : pin::actors()) add_cost_cases(actor, cases);
  for (const pin::TogetherRow& row : pin::together_rows()) {
    cases.push_back({.actor = pin::find_actor(row.first), .together = &row});
  }
  std::stable_partition(cases.begin(), cases.end(),
                        [](const PinCase& wanted) { return wanted.perturbation_name() != "ksm"; });
  return cases;
}

std::uint32_t usual_events(const PinCase& wanted) {
  if (!pin::is_plain(wanted.backing)) return 2;
  const bool slow = wanted.backing == pin::Backing::kThp && wanted.size_bytes > (4 << 20);
  return slow ? 5 : 10;
}

}  // namespace notifier
