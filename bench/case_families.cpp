// SPDX-License-Identifier: MIT
#include "bench/case_families.hpp"

#include <array>

#include "harness/perturbation.hpp"

namespace notifier {
namespace {

constexpr std::array kMemories{Memory::kUserptr, Memory::kManaged, Memory::kHost, Memory::kVram};
constexpr std::array kPolicies{Policy::kDefault, Policy::kDontfork};

Recovery usual_recovery(Memory memory) {
  return memory == Memory::kVram ? Recovery::kNone : Recovery::kPreempt;
}

Case make_case(Memory memory, std::string_view perturbation, Policy policy,
               std::uint64_t size_bytes) {
  Case wanted;
  wanted.memory = memory;
  wanted.perturbation = std::string(perturbation);
  wanted.policy = policy;
  wanted.recovery = usual_recovery(memory);
  wanted.size_bytes = size_bytes;
  return wanted;
}

/// A row of a selection: one perturbation over some sizes. `events` 0 is the usual number.
struct SelectionRow {
  Memory memory;
  std::string_view perturbation;
  Policy policy;
  std::array<std::uint64_t, 3> sizes_bytes;  // 0: none
  std::uint32_t events;
};

// 400 events carry a 99th percentile (368 are the least, docs/measurement.md).
constexpr std::uint32_t kEventsForP99 = 400;
constexpr std::array<std::uint64_t, 3> kAllSizes{kSmallBytes, kMediumBytes, kLargeBytes};
constexpr std::array<std::uint64_t, 3> kMedium{kMediumBytes, 0, 0};
constexpr std::array<std::uint64_t, 3> kSmall{kSmallBytes, 0, 0};
constexpr std::array<std::uint64_t, 3> kMediumAndLarge{kMediumBytes, kLargeBytes, 0};

// The main questions: what a fork costs and what avoids it, what each kind of change costs, and the
// controls without which none of it can be believed.
constexpr std::array kDefaultSelection{
    SelectionRow{Memory::kUserptr, "none", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kUserptr, "sham", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kUserptr, "fork_exit", Policy::kDefault, kSmall, kEventsForP99},
    SelectionRow{Memory::kUserptr, "fork_exit", Policy::kDefault, kMediumAndLarge, 0},
    SelectionRow{Memory::kUserptr, "fork_child_write", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kUserptr, "fork_child_hold", Policy::kDefault, kAllSizes, 0},
    SelectionRow{Memory::kUserptr, "fork_child_hold", Policy::kDontfork, kAllSizes, 0},
    SelectionRow{Memory::kUserptr, "posix_spawn", Policy::kDefault, kAllSizes, 0},
    SelectionRow{Memory::kUserptr, "vfork", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kUserptr, "munmap_neighbour", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kUserptr, "map_fixed", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kUserptr, "dontneed", Policy::kDefault, kSmall, kEventsForP99},
    SelectionRow{Memory::kUserptr, "dontneed", Policy::kDefault, kMediumAndLarge, 0},
    SelectionRow{Memory::kUserptr, "collapse", Policy::kDefault, kMediumAndLarge, 0},
    SelectionRow{Memory::kUserptr, "mremap_move", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kUserptr, "mprotect_ro_rw", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kManaged, "fork_child_hold", Policy::kDefault, kMediumAndLarge, 0},
    SelectionRow{Memory::kManaged, "dontneed", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kManaged, "munmap_neighbour", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kManaged, "map_fixed", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kHost, "sham", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kHost, "fork_child_hold", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kVram, "none", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kVram, "fork_child_hold", Policy::kDefault, kMedium, 0},
};

}  // namespace

std::vector<Case> all_cases(const std::vector<std::uint64_t>& sizes_bytes) {
  std::vector<Case> cases;
  for (const Memory memory : kMemories) {
    for (const Perturbation& perturbation : perturbations()) {
      for (const Policy policy : kPolicies) {
        for (const std::uint64_t size_bytes : sizes_bytes) {
          cases.push_back(make_case(memory, perturbation.name, policy, size_bytes));
        }
      }
    }
  }
  return cases;
}

std::vector<SelectedCase> selection(std::string_view name) {
  std::vector<SelectedCase> selected;
  if (name != "default") return selected;
  for (const SelectionRow& row : kDefaultSelection) {
    for (const std::uint64_t size_bytes : row.sizes_bytes) {
      if (size_bytes == 0) continue;
      const Case wanted = make_case(row.memory, row.perturbation, row.policy, size_bytes);
      selected.push_back({wanted, row.events != 0 ? row.events : usual_events(wanted)});
    }
  }
  return selected;
}

std::vector<std::string_view> selection_names() { return {"default"}; }

std::uint32_t usual_events(const Case& wanted) {
  if (wanted.size_bytes <= kSmallBytes) return 60;
  if (wanted.size_bytes <= kMediumBytes) return 30;
  return 8;
}

}  // namespace notifier
