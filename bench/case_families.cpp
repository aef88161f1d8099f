// SPDX-License-Identifier: MIT
#include "bench/case_families.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "bench/case_time.hpp"
#include "harness/folio_layout.hpp"
#include "harness/perturbation.hpp"

namespace notifier {
namespace {

/// Which recoveries a memory has. Not named for memory that no notifier watches.
struct MemoryRecovery {
  Memory memory;
  Recovery recovery;
};
constexpr std::array kMemories{MemoryRecovery{Memory::kUserptr, Recovery::kPreempt},
                               MemoryRecovery{Memory::kUserptr, Recovery::kRetryFault},
                               MemoryRecovery{Memory::kUserptr, Recovery::kWaitForJobs},
                               MemoryRecovery{Memory::kManaged, Recovery::kPreempt},
                               MemoryRecovery{Memory::kManaged, Recovery::kRetryFault},
                               MemoryRecovery{Memory::kManaged, Recovery::kWaitForJobs},
                               MemoryRecovery{Memory::kSystem, Recovery::kRetryFault},
                               MemoryRecovery{Memory::kHost, Recovery::kPreempt},
                               MemoryRecovery{Memory::kHost, Recovery::kWaitForJobs},
                               MemoryRecovery{Memory::kVram, Recovery::kNone},
                               MemoryRecovery{Memory::kPlain, Recovery::kNone}};
constexpr std::array kBackings{
    Backing::kAnon,         Backing::kThp,        Backing::kHugetlb,
    Backing::kMemfd,        Backing::kSharedAnon, Backing::kFilePrivate,
    Backing::kMthp16KiB,    Backing::kMthp32KiB,  Backing::kMthp64KiB,
    Backing::kMthp128KiB,   Backing::kMthp256KiB, Backing::kMthp512KiB,
    Backing::kMthp1MiB,     Backing::kThpPte,     Backing::kThpPartUnmapped,
    Backing::kThpPartShared};
constexpr std::array kPolicies{Policy::kDefault, Policy::kDontfork, Policy::kWipeonfork};

Recovery usual_recovery(Memory memory) {
  return std::find_if(kMemories.begin(), kMemories.end(),
                      [&](const MemoryRecovery& one) { return one.memory == memory; })
      ->recovery;
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
    SelectionRow{Memory::kSystem, "fork_child_hold", Policy::kDefault, kMediumAndLarge, 0},
    SelectionRow{Memory::kSystem, "dontneed", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kSystem, "sham", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kHost, "sham", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kHost, "fork_child_hold", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kVram, "none", Policy::kDefault, kMedium, 0},
    SelectionRow{Memory::kVram, "fork_child_hold", Policy::kDefault, kMedium, 0},
};

// Events of a case in the quick selection: enough to see each operation at work, no statistics.
constexpr std::uint32_t kQuickEvents = 10;
constexpr std::uint32_t kQuickEndings = 2;  // each is a process with a device of its own

TouchRule usual_rule(const Case& wanted) {
  return touch_rule(wanted, *find_perturbation(wanted.perturbation), usual_path(wanted.memory));
}

bool can_run(const Case& wanted) {
  return can_run(usual_rule(wanted), *find_perturbation(wanted.perturbation));
}

std::vector<SelectedCase> default_selection() {
  std::vector<SelectedCase> selected;
  for (const SelectionRow& row : kDefaultSelection) {
    for (const std::uint64_t size_bytes : row.sizes_bytes) {
      if (size_bytes == 0) continue;
      const Case wanted = make_case(row.memory, row.perturbation, row.policy, size_bytes);
      selected.push_back({wanted, row.events != 0 ? row.events : usual_events(wanted)});
    }
  }
  return selected;
}

/// How much of a kind of memory the quick selection has. Every operation runs on one memory of each
/// way to recover; what the others add is the way there, which a few operations show.
enum class Share {
  kEvery,
  kShown,  // kShowMemory
  kFew,    // kShowRecovery
  kNone
};
struct QuickShare {
  Memory memory;
  Recovery recovery;
  Share anon;
  Share backed;  // on the other backings
};
constexpr std::array kQuickShares{
    QuickShare{Memory::kUserptr, Recovery::kPreempt, Share::kEvery, Share::kShown},
    QuickShare{Memory::kUserptr, Recovery::kRetryFault, Share::kFew, Share::kFew},
    QuickShare{Memory::kUserptr, Recovery::kWaitForJobs, Share::kShown, Share::kFew},
    QuickShare{Memory::kManaged, Recovery::kPreempt, Share::kEvery, Share::kFew},
    QuickShare{Memory::kManaged, Recovery::kRetryFault, Share::kShown, Share::kFew},
    QuickShare{Memory::kSystem, Recovery::kRetryFault, Share::kEvery, Share::kFew},
    QuickShare{Memory::kHost, Recovery::kPreempt, Share::kShown, Share::kFew},
    QuickShare{Memory::kVram, Recovery::kNone, Share::kFew, Share::kFew},
    QuickShare{Memory::kPlain, Recovery::kNone, Share::kShown, Share::kFew}};

// What the memory changes: of the other perturbations one memory shows as much as six.
constexpr std::array<std::string_view, 12> kShowMemory{
    "sham",     "fork_exit",  "fork_child_hold", "fork_unknown_buffer",
    "dontneed", "map_fixed",  "mremap_move",     "mprotect_none_rw",
    "truncate", "punch_hole", "pageout",         "munmap_neighbour"};
constexpr std::array<std::string_view, 3> kShowRecovery{"sham", "fork_child_hold", "dontneed"};

// One folio size, and each way to map a huge page otherwise than whole.
constexpr std::array kShownFolios{Backing::kMthp64KiB, Backing::kThpPte, Backing::kThpPartUnmapped,
                                  Backing::kThpPartShared};

/// Seven sizes of folios show the same as one, but for a few operations.
struct FolioShare {
  Share shown;  // of kShownFolios
  Share others;
};

bool is_in_share(Share share, std::string_view perturbation) {
  const auto among = [&](std::span<const std::string_view> names) {
    return std::find(names.begin(), names.end(), perturbation) != names.end();
  };
  switch (share) {
    case Share::kEvery:
      return true;
    case Share::kShown:
      return among(kShowMemory);
    case Share::kFew:
      return among(kShowRecovery);
    case Share::kNone:
      break;
  }
  return false;
}

bool is_in_share(const FolioShare& share, const Case& wanted) {
  const bool shown =
      std::find(kShownFolios.begin(), kShownFolios.end(), wanted.backing) != kShownFolios.end();
  return is_in_share(shown ? share.shown : share.others, wanted.perturbation);
}

bool is_shown(const Case& wanted) {
  const auto share =
      std::find_if(kQuickShares.begin(), kQuickShares.end(), [&](const QuickShare& one) {
        return one.memory == wanted.memory && one.recovery == wanted.recovery;
      });
  if (share == kQuickShares.end()) return false;
  if (folio_layout(wanted.backing)) {
    const bool told = wanted.memory == Memory::kUserptr;
    return is_in_share(
        told ? FolioShare{Share::kFew, Share::kFew} : FolioShare{Share::kFew, Share::kNone},
        wanted);
  }
  return is_in_share(wanted.backing == Backing::kAnon ? share->anon : share->backed,
                     wanted.perturbation);
}

/// Of the policies only the first that applies, except where they are what differs.
std::vector<SelectedCase> quick_selection() {
  std::vector<SelectedCase> selected;
  std::string last;
  for (const Case& wanted : all_cases({kMediumBytes})) {
    if (!is_shown(wanted) || !can_run(wanted)) continue;
    const std::string what = std::string(to_string(wanted.memory)) +
                             std::string(to_string(wanted.recovery)) +
                             std::string(to_string(wanted.context)) +
                             std::string(to_string(wanted.backing)) + wanted.perturbation;
    const bool shows_policy =
        wanted.perturbation == "fork_child_hold" && wanted.backing == Backing::kAnon;
    if (what == last && !shows_policy) continue;
    const bool ends = find_perturbation(wanted.perturbation)->ends_process;
    selected.push_back({wanted, ends ? kQuickEndings : kQuickEvents});
    last = what;
  }
  return selected;
}

// Estimated, with as much again for a machine that is slower or not quiet.
constexpr double kFullBudgetS = 25 * 60;
constexpr std::uint32_t kFullLeastEvents = 8;

/// Everything that can run, in one size; in the two others what is measured by size: the memory's
/// own kinds, without the policies that keep it out of forks. Of the folios each size once, and one
/// with every operation.
std::vector<SelectedCase> full_selection() {
  std::vector<SelectedCase> selected;
  for (const Case& wanted : all_cases({kSmallBytes, kMediumBytes, kLargeBytes})) {
    const bool sized =
        wanted.policy == Policy::kDefault && wanted.backing == Backing::kAnon &&
        wanted.recovery != Recovery::kWaitForJobs &&
        !(wanted.memory == Memory::kUserptr && wanted.recovery == Recovery::kRetryFault);
    if (!can_run(wanted) || (wanted.size_bytes != kMediumBytes && !sized)) continue;
    const bool told = wanted.memory == Memory::kUserptr;
    const FolioShare folios =
        told ? FolioShare{Share::kEvery, Share::kShown} : FolioShare{Share::kShown, Share::kFew};
    if (folio_layout(wanted.backing) && !is_in_share(folios, wanted)) continue;
    selected.push_back({wanted, usual_events(wanted)});
  }
  fit_into(kFullBudgetS, kFullLeastEvents, selected);
  return selected;
}

/// What --table fork-policy compares: the same fork on memory that is kept out of it in each way.
std::vector<SelectedCase> fork_policy_selection() {
  constexpr std::array<std::uint64_t, 3> kSizes{1 << 20, 4 << 20, 256 << 20};
  std::vector<SelectedCase> selected;
  for (const Case& wanted : all_cases({kSizes.begin(), kSizes.end()})) {
    const bool chosen = wanted.backing == Backing::kAnon || wanted.backing == Backing::kSharedAnon;
    if (wanted.perturbation != "fork_parent_write" || !chosen ||
        wanted.recovery == Recovery::kRetryFault || wanted.recovery == Recovery::kWaitForJobs ||
        !can_run(wanted)) {
      continue;
    }
    selected.push_back({wanted, wanted.size_bytes > kLargeBytes ? 4U : kQuickEvents});
  }
  return selected;
}

struct Selection {
  std::string_view name;
  std::vector<SelectedCase> (*cases)();
};
constexpr std::array kSelections{
    Selection{"default", default_selection}, Selection{"quick", quick_selection},
    Selection{"full", full_selection}, Selection{"fork-policy", fork_policy_selection}};

/// What a full context changes is the preemption, whatever asked for it: two kinds of ranges, few
/// operations, and the one that asks for none.
constexpr std::array kFullContextMemories{Memory::kUserptr, Memory::kManaged};
constexpr std::array<std::string_view, 4> kShowContext{"sham", "fork_exit", "fork_child_hold",
                                                       "dontneed"};

bool has_full_context(const Case& wanted) {
  const auto among = [](const auto& names, const auto& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return wanted.recovery == Recovery::kPreempt && wanted.backing == Backing::kAnon &&
         among(kFullContextMemories, wanted.memory) &&
         among(kShowContext, std::string_view(wanted.perturbation));
}

}  // namespace

std::vector<Case> all_cases(const std::vector<std::uint64_t>& sizes_bytes) {
  std::vector<Case> cases;
  const auto add = [&](Case wanted) {
    // What cannot run is shown once for each memory and recovery, not for every backing and policy
    // besides.
    const bool plain = wanted.backing == Backing::kAnon && wanted.policy == Policy::kDefault;
    for (const std::uint64_t size_bytes : sizes_bytes) {
      wanted.size_bytes = size_bytes;
      if (plain || usual_rule(wanted).touch != Touch::kNotApplicable) cases.push_back(wanted);
    }
  };
  for (const auto& [memory, recovery] : kMemories) {
    for (const Backing backing : kBackings) {
      for (const Perturbation& perturbation : perturbations()) {
        for (const Policy policy : kPolicies) {
          Case wanted = make_case(memory, perturbation.name, policy, 0);
          wanted.recovery = recovery;
          wanted.context = usual_context(perturbation, recovery);
          wanted.backing = backing;
          add(wanted);
        }
        Case full = make_case(memory, perturbation.name, Policy::kDefault, 0);
        full.recovery = recovery;
        full.context = Context::kFull;
        full.backing = backing;
        if (has_full_context(full)) add(full);
      }
    }
  }
  return cases;
}

std::vector<SelectedCase> selection(std::string_view name) {
  for (const Selection& candidate : kSelections) {
    if (candidate.name == name) return candidate.cases();
  }
  return {};
}

std::vector<std::string> selection_names() {
  std::vector<std::string> names;
  for (const Selection& candidate : kSelections) names.emplace_back(candidate.name);
  return names;
}

Context usual_context(const Perturbation& perturbation, Recovery recovery) {
  const bool finite = perturbation.waits_for_work || recovery == Recovery::kWaitForJobs;
  return finite ? Context::kJob5ms : Context::kSmall;
}

std::uint32_t usual_events(const Case& wanted) {
  if (find_perturbation(wanted.perturbation)->ends_process) return 5;  // a process each
  if (wanted.size_bytes <= kSmallBytes) return 60;
  if (wanted.size_bytes <= kMediumBytes) return 30;
  return 8;
}

}  // namespace notifier
