// SPDX-License-Identifier: MIT
// Which capabilities a case needs.
#include <fmt/format.h>

#include "probe_capabilities.hpp"

namespace notifier {
namespace {

struct Need {
  std::string_view part;
  std::string_view capability;
};

constexpr Need kMemoryNeeds[] = {{"managed", "svm"}, {"system", "system_memory"}};
constexpr Need kBackingNeeds[] = {{"thp", "thp"},
                                  {"thp_pte", "thp"},
                                  {"thp_part_unmapped", "thp"},
                                  {"thp_part_shared", "thp"},
                                  {"hugetlb", "hugetlb"}};
constexpr Need kPerturbationNeeds[] = {
    {"collapse", "collapse"},  {"ksm", "ksm"},
    {"move_pages", "numa"},    {"mbind", "numa"},
    {"compact", "compaction"}, {"pageout", "swap"},
    {"reclaim", "swap"},       {"prefetch_device", "svm"},
    {"prefetch_host", "svm"},  {"cpu_touch", "svm"},
};

template <std::size_t count>
void add_needs(const Need (&table)[count], std::string_view part,
               std::vector<std::string_view>& needs) {
  for (const Need& need : table) {
    if (need.part == part) needs.push_back(need.capability);
  }
}

}  // namespace

std::vector<std::string_view> needed_capabilities(const CaseParts& parts,
                                                  std::string_view platform) {
  std::vector<std::string_view> needs;
  const bool rocm = platform == "rocm";
  if (rocm) {
    needs = {"gpu", "kfd_device"};
    if (!parts.finite) needs.push_back("persistent_kernel");
    add_needs(kMemoryNeeds, parts.memory, needs);
    if (parts.recovery == "retry_fault") needs.push_back("retry_fault");
  } else {
    needs = {"system_call_notification"};
  }
  add_needs(kBackingNeeds, parts.backing, needs);
  std::vector<std::string_view> perturbation_needs;
  add_needs(kPerturbationNeeds, parts.perturbation, perturbation_needs);
  for (const std::string_view need : perturbation_needs) {
    // The software GPU has an SVM of its own.
    if (rocm || need != "svm") needs.push_back(need);
  }
  return needs;
}

std::optional<std::string> why_not(std::span<const Capability> all, const CaseParts& parts,
                                   std::string_view platform) {
  if (parts.recovery == "wait_for_jobs" && platform != "software") {
    return "the compute driver preempts finite kernels as well (kfd_facts §0.36): "
           "notifier_graphics measures how long a call waits for jobs";
  }
  for (const std::string_view name : needed_capabilities(parts, platform)) {
    const Capability* capability = find_capability(all, name);
    if (capability != nullptr && capability->available == Availability::kNo) {
      return fmt::format("needs {}: {}", name, capability->reason);
    }
  }
  return std::nullopt;
}

}  // namespace notifier
