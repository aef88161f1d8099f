// SPDX-License-Identifier: MIT
// What follows from a row of the perturbation table for a case: whether and how it can run.
#include <fmt/format.h>

#include "harness/backing.hpp"
#include "harness/perturbation.hpp"
#include "kernels/workload.hpp"

namespace notifier {
namespace {

TouchRule not_applicable(std::string reason) { return {Touch::kNotApplicable, std::move(reason)}; }

bool is_own_memory(Memory memory) {
  return memory == Memory::kUserptr || memory == Memory::kSystem || memory == Memory::kPlain;
}

constexpr std::string_view kRangeEnds =
    "an SVM range ends with its mapping: the device's next access is a fatal fault (kfd_facts "
    "§0.8, §0.12)";
constexpr std::string_view kRangeFollowsRights =
    "an SVM range is remapped with the mapping's rights: the device's next access is a fatal fault "
    "(kfd_facts §0.11)";

/// Why the device does not survive what becomes of its SVM range; empty when it does.
std::string_view svm_obstacle(const Case& wanted, const Perturbation& perturbation) {
  const bool retries = wanted.recovery == Recovery::kRetryFault;
  switch (perturbation.svm_fate) {
    case SvmFate::kSurvives:
      return "";
    case SvmFate::kEnds:
      // The next fault makes a new range, but only of memory that no runtime believes to own.
      return retries && wanted.memory == Memory::kSystem ? "" : kRangeEnds;
    case SvmFate::kFollowsRights:
      break;
  }
  return retries ? "" : kRangeFollowsRights;
}

/// Whether there is such memory at all, whatever happens to it. Empty: there is.
std::string memory_obstacle(const Case& wanted) {
  if (wanted.backing != Backing::kAnon && !is_own_memory(wanted.memory)) {
    return "the runtime chooses what lies behind its own allocations";
  }
  if (wanted.memory == Memory::kVram && wanted.policy != Policy::kDefault) {
    return "device memory has no CPU mapping that a fork could inherit";
  }
  if (wanted.memory == Memory::kSystem && wanted.recovery != Recovery::kRetryFault) {
    return "the device reaches memory that it was not told of by retry faults only";
  }
  if (wanted.memory == Memory::kUserptr && wanted.recovery == Recovery::kRetryFault &&
      wanted.backing != Backing::kAnon) {
    return "a userptr BO stops the queues with retry faults on as well (kfd_facts §1): shown on "
           "anon alone";
  }
  if (wanted.recovery == Recovery::kWaitForJobs && wanted.backing != Backing::kAnon) {
    return "what lies behind the memory does not change which jobs use it: shown on anon alone";
  }
  if (folio_layout(wanted.backing) && wanted.policy != Policy::kDefault) {
    return "what a fork leaves out has no folio size: policies are shown on anon and thp";
  }
  if (wanted.policy != Policy::kWipeonfork) return "";
  if (!is_own_memory(wanted.memory)) {
    return "MADV_WIPEONFORK would wipe what the runtime relies on";
  }
  const bool file = wanted.backing != Backing::kAnon && wanted.backing != Backing::kThp;
  return file
             ? "MADV_WIPEONFORK is for private anonymous memory (mm/madvise.c madvise_vma_behavior)"
             : "";
}

/// Cases that differ in nothing that matters to the row are not repeated.
std::string repetition(const Case& wanted, const Perturbation& perturbation) {
  const bool plain = wanted.backing == Backing::kAnon && wanted.policy == Policy::kDefault;
  if (perturbation.ends_process && !plain) {
    return "whatever the memory is, it goes with the process: shown on anon alone";
  }
  if (wanted.memory != Memory::kPlain) return "";
  if (perturbation.ends_process || perturbation.scope == Scope::kNeighbour ||
      perturbation.scope == Scope::kSystem) {
    return "without a device there is nothing to compare it with";
  }
  return wanted.backing == Backing::kAnon ? "" : "the control is shown on anon alone";
}

std::string combination_obstacle(const Case& wanted, const Perturbation& perturbation) {
  std::string repeated = repetition(wanted, perturbation);
  if (!repeated.empty()) return repeated;
  const bool names_memory =
      perturbation.scope == Scope::kRange || perturbation.scope == Scope::kNeighbour;
  if (perturbation.migration && wanted.memory != Memory::kManaged) {
    return "only hipMallocManaged's memory moves between the device and the system";
  }
  if (perturbation.waits_for_work &&
      (wanted.memory != Memory::kUserptr || wanted.backing != Backing::kAnon ||
       wanted.recovery == Recovery::kRetryFault)) {
    return "what is loaded is the same beside every workload: shown on userptr, anon alone";
  }
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
  if (wanted.size_bytes % backing_unit_bytes(wanted.backing) != 0) {
    return fmt::format("{} is made in units of {}", to_string(wanted.backing),
                       format_size(backing_unit_bytes(wanted.backing)));
  }
  return "";
}

}  // namespace

bool can_run(const TouchRule& rule, const Perturbation& perturbation) {
  return rule.touch == Touch::kKeeps || rule.touch == Touch::kLeavesFirst ||
         (rule.touch == Touch::kFatal && perturbation.ends_process);
}

TouchRule touch_rule(const Case& wanted, const Perturbation& perturbation, MemoryPath path) {
  std::string obstacle = memory_obstacle(wanted);
  if (obstacle.empty()) obstacle = combination_obstacle(wanted, perturbation);
  if (!obstacle.empty()) return not_applicable(std::move(obstacle));
  if (perturbation.ends_process) return {Touch::kFatal, ""};
  bool leaves_first = perturbation.leaves_first;
  if (path == MemoryPath::kSvmRange) {
    const std::string_view fatal = svm_obstacle(wanted, perturbation);
    if (!fatal.empty()) return {Touch::kFatal, std::string(fatal)};
    // A write that faults on a read-only mapping is fatal at once: no restore waits for the rights.
    leaves_first = leaves_first || perturbation.svm_fate == SvmFate::kFollowsRights;
  }
  return {leaves_first ? Touch::kLeavesFirst : Touch::kKeeps, ""};
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

bool invalidates(const Perturbation& perturbation, const Reach& reach) {
  if (perturbation.evictions == 0) return false;
  if (reach.path != MemoryPath::kUserptrBo && reach.path != MemoryPath::kSvmRange) return false;
  return perturbation.scope != Scope::kProcess || reach.copied_by_fork;
}

ExpectedEvictions expected_evictions(const Perturbation& perturbation, const Reach& reach) {
  if (!invalidates(perturbation, reach) || reach.retries()) return {};
  return {perturbation.evictions, std::max(perturbation.evictions, perturbation.evictions_most)};
}

ExpectedEvictions expected_on_softgpu(const Perturbation& perturbation, const Reach& reach) {
  const ExpectedEvictions expected = expected_evictions(perturbation, reach);
  if (expected.most == 0 || !perturbation.on_softgpu) return expected;
  return {perturbation.on_softgpu->evictions, perturbation.on_softgpu->evictions};
}

MemoryPath usual_path(Memory memory) {
  switch (memory) {
    case Memory::kUserptr:
    case Memory::kHost:
      return MemoryPath::kUserptrBo;
    case Memory::kManaged:
    case Memory::kSystem:
      return MemoryPath::kSvmRange;
    case Memory::kPlain:
      return MemoryPath::kNoDevice;
    case Memory::kVram:
      return MemoryPath::kVram;
  }
  return MemoryPath::kVram;
}

Reach usual_reach(const Case& wanted) {
  return {usual_path(wanted.memory), wanted.recovery,
          wanted.policy == Policy::kDefault && wanted.memory != Memory::kHost &&
              !is_shared(wanted.backing)};
}

}  // namespace notifier
