// SPDX-License-Identifier: MIT
// What follows from a row of the perturbation table for a case: whether and how it can run.
#include <fmt/format.h>

#include "harness/backing.hpp"
#include "harness/perturbation.hpp"
#include "kernels/workload.hpp"

namespace notifier {
namespace {

TouchRule not_applicable(std::string reason) { return {Touch::kNotApplicable, std::move(reason)}; }

/// Whether there is such memory at all, whatever happens to it. Empty: there is.
std::string memory_obstacle(const Case& wanted) {
  if (wanted.backing != Backing::kAnon && wanted.memory != Memory::kUserptr) {
    return "the runtime chooses what lies behind its own allocations";
  }
  if (wanted.memory == Memory::kVram && wanted.policy != Policy::kDefault) {
    return "device memory has no CPU mapping that a fork could inherit";
  }
  if (wanted.policy != Policy::kWipeonfork) return "";
  if (wanted.memory != Memory::kUserptr) {
    return "MADV_WIPEONFORK would wipe what the runtime relies on";
  }
  const bool file = wanted.backing != Backing::kAnon && wanted.backing != Backing::kThp;
  return file
             ? "MADV_WIPEONFORK is for private anonymous memory (mm/madvise.c madvise_vma_behavior)"
             : "";
}

std::string combination_obstacle(const Case& wanted, const Perturbation& perturbation) {
  const bool names_memory =
      perturbation.scope == Scope::kRange || perturbation.scope == Scope::kNeighbour;
  if (wanted.memory == Memory::kVram && names_memory) {
    return "device memory has no CPU mapping that a call could change";
  }
  if (wanted.memory == Memory::kHost && perturbation.scope == Scope::kRange) {
    return "hipHostMalloc's mapping belongs to the runtime: changing it may stop the queues for "
           "good "
           "(kfd_facts §2 'Freeing queue vital buffer')";
  }
  if (wanted.policy != Policy::kDefault && perturbation.scope != Scope::kProcess) {
    return "a policy for forks matters to forks only";
  }
  if (perturbation.needs_dontfork && wanted.policy != Policy::kDontfork) {
    return "only with dontfork is the other buffer the only one that is copied";
  }
  if ((perturbation.backings & bit(wanted.backing)) == 0) {
    return std::string(perturbation.backings_reason);
  }
  const std::uint64_t minimum_bytes =
      perturbation.minimum_pages * backing_page_bytes(wanted.backing);
  if (wanted.size_bytes < minimum_bytes) {
    return fmt::format("{} needs at least {}", perturbation.name, format_size(minimum_bytes));
  }
  if (wanted.size_bytes % backing_page_bytes(wanted.backing) != 0) {
    return fmt::format("{} is made of pages of {}", to_string(wanted.backing),
                       format_size(backing_page_bytes(wanted.backing)));
  }
  return "";
}

}  // namespace

TouchRule touch_rule(const Case& wanted, const Perturbation& perturbation, MemoryPath path) {
  std::string obstacle = memory_obstacle(wanted);
  if (obstacle.empty()) obstacle = combination_obstacle(wanted, perturbation);
  if (!obstacle.empty()) return not_applicable(std::move(obstacle));
  if (path == MemoryPath::kSvmRange && !perturbation.fatal_on_svm.empty()) {
    return {Touch::kFatal, std::string(perturbation.fatal_on_svm)};
  }
  return {perturbation.leaves_first ? Touch::kLeavesFirst : Touch::kKeeps, ""};
}

std::uint64_t allowed_outcomes(const Perturbation& perturbation, Backing backing) {
  switch (perturbation.loss) {
    case Loss::kNothing:
      return kAllowNothing;
    case Loss::kPrivatePages:
      return is_shared(backing) ? kAllowNothing : kAllowZero;
    case Loss::kMapping:
      return backing == Backing::kMemfd ? kAllowNothing : kAllowZero;
    case Loss::kEverything:
      break;
  }
  return kAllowZero;
}

ExpectedEvictions expected_evictions(const Perturbation& perturbation, MemoryPath path,
                                     bool copied_by_fork) {
  if (path != MemoryPath::kUserptrBo && path != MemoryPath::kSvmRange) return {};
  if (perturbation.scope == Scope::kProcess && !copied_by_fork) return {};
  return {perturbation.evictions, std::max(perturbation.evictions, perturbation.evictions_most)};
}

MemoryPath usual_path(Memory memory) {
  switch (memory) {
    case Memory::kUserptr:
    case Memory::kHost:
      return MemoryPath::kUserptrBo;
    case Memory::kManaged:
      return MemoryPath::kSvmRange;
    case Memory::kVram:
      return MemoryPath::kVram;
  }
  return MemoryPath::kVram;
}

bool usually_copied_by_fork(const Case& wanted) {
  return wanted.policy == Policy::kDefault && wanted.memory != Memory::kHost &&
         !is_shared(wanted.backing);
}

}  // namespace notifier
