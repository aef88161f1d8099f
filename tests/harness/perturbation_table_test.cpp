// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "harness/perturbation.hpp"
#include "harness/perturbation_proofs.hpp"
#include "kernels/workload.hpp"

namespace notifier {
namespace {

Case make_case(Memory memory, const char* perturbation, std::uint64_t size_bytes = 4 << 20) {
  Case wanted;
  wanted.memory = memory;
  wanted.perturbation = perturbation;
  wanted.size_bytes = size_bytes;
  return wanted;
}

TouchRule rule_of(const Case& wanted, MemoryPath path) {
  return touch_rule(wanted, *find_perturbation(wanted.perturbation), path);
}

TEST(PerturbationTable, EveryRowIsComplete) {
  std::set<std::string_view> names;
  for (const Perturbation& row : perturbations()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name << " stands twice";
    EXPECT_NE(row.perform, nullptr) << row.name;
    EXPECT_FALSE(row.summary.empty()) << row.name;
    EXPECT_FALSE(row.evictions_source.empty()) << row.name;
    EXPECT_FALSE(row.misleads.empty()) << row.name << " does not say when its numbers mislead";
    EXPECT_EQ(row.backings == kEveryBacking, row.backings_reason.empty()) << row.name;
    if (row.evictions_most != 0) {
      EXPECT_GT(row.evictions_most, row.evictions) << row.name;
    }
    EXPECT_EQ(find_perturbation(row.name), &row);
  }
  EXPECT_EQ(find_perturbation("no such thing"), nullptr);
}

/// What looks at a proof: its own functions or the row's, the driver's events, the parent. The
/// others are in perform: the hole of munmap, the nodes that move_pages returns, and what the
/// device reads.
bool is_checked(const Perturbation& row) {
  const std::set<std::string_view> elsewhere{"move_pages", "dontneed", "punch_hole"};
  return row.proof.after != nullptr || row.finish != nullptr || row.migration || row.ends_process ||
         elsewhere.contains(row.name);
}

TEST(PerturbationTable, EveryRowShowsThatItHappenedOrSaysWhyNothingCan) {
  for (const Perturbation& row : perturbations()) {
    const Proof& proof = row.proof;
    EXPECT_NE(proof.shown_by.empty(), proof.impossible.empty()) << row.name << " needs a proof";
    EXPECT_TRUE(proof.shown_by.empty() || is_checked(row)) << row.name;
    EXPECT_TRUE(proof.after == nullptr || !proof.shown_by.empty()) << row.name;
    EXPECT_TRUE(proof.before == nullptr || proof.after != nullptr) << row.name;
    EXPECT_FALSE(proof.by_zeros_read && row.loss == Loss::kNothing) << row.name;
  }
}

TEST(PerturbationTable, ADeviceThatReadsNoZeroHasNotSeenTheContentGo) {
  EventContext event;
  EXPECT_TRUE(happened(*find_perturbation("dontneed"), event, 1));
  EXPECT_FALSE(happened(*find_perturbation("dontneed"), event, 0));
  EXPECT_TRUE(happened(*find_perturbation("dontneed"), event)) << "shared memory keeps it";
  EXPECT_TRUE(happened(*find_perturbation("sham"), event, 0));
}

TEST(PerturbationTable, NamesAreThoseOfTheDesign) {
  for (const char* name : {"none",
                           "sham",
                           "fork_exit",
                           "fork_child_write",
                           "fork_child_hold",
                           "fork_storm",
                           "vfork",
                           "posix_spawn",
                           "munmap_neighbour",
                           "munmap_front",
                           "munmap_middle",
                           "munmap_end",
                           "map_fixed",
                           "mremap_move",
                           "mremap_dontunmap",
                           "dontneed",
                           "mprotect_ro_rw",
                           "mprotect_none_rw",
                           "free",
                           "punch_hole",
                           "truncate",
                           "pageout",
                           "cold",
                           "collapse",
                           "ksm",
                           "move_pages",
                           "mbind",
                           "compact",
                           "reclaim",
                           "prefetch_device",
                           "prefetch_host",
                           "cpu_touch",
                           "exit_running",
                           "kill_running",
                           "exec_running"}) {
    EXPECT_NE(find_perturbation(name), nullptr) << name;
  }
}

TEST(TouchRule, TheEndOfTheProcessIsFatalAndRuns) {
  const Perturbation& row = *find_perturbation("exit_running");
  const TouchRule rule =
      rule_of(make_case(Memory::kUserptr, "exit_running"), MemoryPath::kUserptrBo);
  EXPECT_EQ(rule.touch, Touch::kFatal);
  EXPECT_TRUE(can_run(rule, row));
  const TouchRule svm = rule_of(make_case(Memory::kManaged, "map_fixed"), MemoryPath::kSvmRange);
  EXPECT_FALSE(can_run(svm, *find_perturbation("map_fixed")));
}

TEST(TouchRule, OnlyManagedMemoryMigrates) {
  for (const char* name : {"prefetch_device", "prefetch_host", "cpu_touch"}) {
    EXPECT_EQ(rule_of(make_case(Memory::kManaged, name), MemoryPath::kSvmRange).touch,
              Touch::kKeeps);
    EXPECT_EQ(rule_of(make_case(Memory::kUserptr, name), MemoryPath::kUserptrBo).touch,
              Touch::kNotApplicable);
  }
}

DriverEvent migrated(std::uintptr_t first_page, std::uint64_t pages, MigrateTrigger trigger) {
  DriverEvent event;
  event.kind = DriverEventKind::kMigrateEnd;
  event.address_pages = first_page;
  event.size_pages = pages;
  event.trigger = static_cast<std::uint32_t>(trigger);
  return event;
}

TEST(RequireMigration, TheDriverMustTellOfAllThatAPrefetchNames) {
  EventContext context;
  context.slice = reinterpret_cast<std::byte*>(100 * 4096);
  context.slice_bytes = 8 * 4096;
  const Perturbation& prefetch = *find_perturbation("prefetch_device");
  const Perturbation& touch = *find_perturbation("cpu_touch");
  using enum MigrateTrigger;
  std::vector<DriverEvent> told{migrated(98, 6, kPrefetch)};  // four of them in the slice
  EXPECT_THROW(require_migration(prefetch, context, told), CannotPerform);
  EXPECT_THROW(require_migration(touch, context, told), CannotPerform) << "another trigger";
  told.push_back(migrated(104, 4, kPrefetch));
  told.back().error = -16;
  EXPECT_THROW(require_migration(prefetch, context, told), CannotPerform) << "it failed";
  told.back().error = 0;
  EXPECT_NO_THROW(require_migration(prefetch, context, told));
  told.push_back(migrated(108, 4, kPageFaultCpu));
  EXPECT_THROW(require_migration(touch, context, told), CannotPerform) << "beside the slice";
  told.push_back(migrated(107, 1, kPageFaultCpu));
  EXPECT_NO_THROW(require_migration(touch, context, told));
  EXPECT_NO_THROW(require_migration(*find_perturbation("sham"), context, {}));
}

TEST(TouchRule, WithoutADeviceOnlyCallsAreControls) {
  const auto touch = [](const char* name) {
    return rule_of(make_case(Memory::kPlain, name), MemoryPath::kNoDevice).touch;
  };
  EXPECT_EQ(touch("fork_exit"), Touch::kKeeps);
  EXPECT_EQ(touch("map_fixed"), Touch::kKeeps);
  EXPECT_EQ(touch("munmap_neighbour"), Touch::kNotApplicable);
  EXPECT_EQ(touch("kill_running"), Touch::kNotApplicable);
}

TEST(TouchRule, SvmRangesEndWithTheirMapping) {
  for (const char* name : {"map_fixed", "mremap_move", "mprotect_ro_rw"}) {
    const TouchRule rule = rule_of(make_case(Memory::kManaged, name), MemoryPath::kSvmRange);
    EXPECT_EQ(rule.touch, Touch::kFatal) << name;
    EXPECT_FALSE(rule.reason.empty()) << name;
  }
}

TEST(TouchRule, TheObservedPathDecidesForRegisteredMemory) {
  const Case wanted = make_case(Memory::kUserptr, "map_fixed");
  EXPECT_EQ(rule_of(wanted, MemoryPath::kUserptrBo).touch, Touch::kKeeps);
  EXPECT_EQ(rule_of(wanted, MemoryPath::kSvmRange).touch, Touch::kFatal);
}

TEST(TouchRule, WavesLeaveMemoryThatMoves) {
  EXPECT_EQ(rule_of(make_case(Memory::kUserptr, "mremap_move"), MemoryPath::kUserptrBo).touch,
            Touch::kLeavesFirst);
}

TEST(TouchRule, CollapseNeedsAHugePage) {
  const Case wanted = make_case(Memory::kUserptr, "collapse", 64 << 10);
  const TouchRule rule = rule_of(wanted, MemoryPath::kUserptrBo);
  EXPECT_EQ(rule.touch, Touch::kNotApplicable);
  EXPECT_NE(rule.reason.find("2MiB"), std::string::npos);
}

Case with_backing(const char* perturbation, Backing backing) {
  Case wanted = make_case(Memory::kUserptr, perturbation);
  wanted.backing = backing;
  return wanted;
}

TEST(TouchRule, BackingsThatTheKernelWouldRefuseAreLeftOut) {
  const auto touch = [](const Case& wanted) {
    return rule_of(wanted, MemoryPath::kUserptrBo).touch;
  };
  EXPECT_EQ(touch(with_backing("punch_hole", Backing::kAnon)), Touch::kNotApplicable);
  EXPECT_EQ(touch(with_backing("punch_hole", Backing::kMemfd)), Touch::kKeeps);
  EXPECT_EQ(touch(with_backing("free", Backing::kFilePrivate)), Touch::kNotApplicable);
  Case wiped = with_backing("fork_exit", Backing::kMemfd);
  wiped.policy = Policy::kWipeonfork;
  EXPECT_EQ(touch(wiped), Touch::kNotApplicable);
  wiped.backing = Backing::kAnon;
  EXPECT_EQ(touch(wiped), Touch::kKeeps);
  wiped.perturbation = "dontneed";
  EXPECT_EQ(touch(wiped), Touch::kNotApplicable) << "a policy for forks";
  EXPECT_EQ(touch(with_backing("munmap_front", Backing::kHugetlb)), Touch::kNotApplicable)
      << "4 MiB are two huge pages, a quarter of them is none";
}

TEST(AllowedOutcomes, SharedFilesKeepWhatAMappingLoses) {
  const Perturbation& dontneed = *find_perturbation("dontneed");
  EXPECT_EQ(allowed_outcomes(dontneed, Backing::kAnon), kAllowZero);
  EXPECT_EQ(allowed_outcomes(dontneed, Backing::kFilePrivate), kAllowZero);
  EXPECT_EQ(allowed_outcomes(dontneed, Backing::kMemfd), kAllowNothing);
  EXPECT_EQ(allowed_outcomes(dontneed, Backing::kSharedAnon), kAllowNothing);
  const Perturbation& map_fixed = *find_perturbation("map_fixed");
  EXPECT_EQ(allowed_outcomes(map_fixed, Backing::kSharedAnon), kAllowZero);
  EXPECT_EQ(allowed_outcomes(map_fixed, Backing::kMemfd), kAllowNothing);
  EXPECT_EQ(allowed_outcomes(*find_perturbation("punch_hole"), Backing::kMemfd), kAllowZero);
  EXPECT_EQ(allowed_outcomes(*find_perturbation("fork_exit"), Backing::kAnon), kAllowNothing);
}

TEST(ExpectedEvictions, FollowInheritanceAndPath) {
  const auto expected = [](const char* name, MemoryPath path, bool copied_by_fork) {
    return expected_evictions(*find_perturbation(name), {path, Recovery::kPreempt, copied_by_fork});
  };
  EXPECT_EQ(expected("fork_exit", MemoryPath::kUserptrBo, true).least, 1);
  EXPECT_EQ(expected("fork_exit", MemoryPath::kUserptrBo, false).most, 0);
  EXPECT_EQ(expected("fork_exit", MemoryPath::kGtt, true).most, 0);
  EXPECT_EQ(expected("dontneed", MemoryPath::kSvmRange, false).least, 1);
  EXPECT_EQ(expected("dontneed", MemoryPath::kVram, false).most, 0);
  EXPECT_EQ(expected("fork_storm", MemoryPath::kUserptrBo, true).most, 8);
}

TEST(ExpectedEvictions, WhereTheSoftwareGpuDiffersThereIsAReason) {
  const Reach reach{MemoryPath::kUserptrBo, Recovery::kPreempt, /*copied_by_fork=*/true};
  for (const Perturbation& row : perturbations()) {
    // What KFD hears of page by page, the software GPU hears of at most once.
    EXPECT_EQ(row.on_softgpu.has_value(), row.evictions_most >= kAnyNumberOfEvictions) << row.name;
    if (!row.on_softgpu) {
      EXPECT_EQ(expected_on_softgpu(row, reach).most, expected_evictions(row, reach).most)
          << row.name;
      continue;
    }
    EXPECT_FALSE(row.on_softgpu->reason.empty()) << row.name;
    EXPECT_GE(row.on_softgpu->evictions, row.evictions) << row.name;
    EXPECT_EQ(expected_on_softgpu(row, reach).most, row.on_softgpu->evictions) << row.name;
  }
}

TEST(ExpectedEvictions, RetryFaultsSpareSvmRangesAndNotUserptr) {
  const Perturbation& dontneed = *find_perturbation("dontneed");
  const Reach svm{MemoryPath::kSvmRange, Recovery::kRetryFault, true};
  EXPECT_EQ(expected_evictions(dontneed, svm).most, 0);
  EXPECT_TRUE(invalidates(dontneed, svm));
  EXPECT_FALSE(invalidates(*find_perturbation("munmap_neighbour"), svm));
  const Reach userptr{MemoryPath::kUserptrBo, Recovery::kRetryFault, true};
  EXPECT_EQ(expected_evictions(dontneed, userptr).least, 1);
}

TEST(TouchRule, OnlyRetryFaultsReachMemoryThatTheDeviceWasNotToldOf) {
  Case wanted = make_case(Memory::kSystem, "dontneed");
  EXPECT_EQ(rule_of(wanted, MemoryPath::kSvmRange).touch, Touch::kNotApplicable);
  wanted.recovery = Recovery::kRetryFault;
  EXPECT_EQ(rule_of(wanted, MemoryPath::kSvmRange).touch, Touch::kKeeps);
  wanted.backing = Backing::kMemfd;
  EXPECT_EQ(rule_of(wanted, MemoryPath::kSvmRange).touch, Touch::kKeeps);
}

TEST(TouchRule, ARangeMadeByAFaultComesAgain) {
  Case wanted = make_case(Memory::kSystem, "map_fixed");
  wanted.recovery = Recovery::kRetryFault;
  EXPECT_EQ(rule_of(wanted, MemoryPath::kSvmRange).touch, Touch::kKeeps);
  wanted.memory = Memory::kManaged;
  EXPECT_EQ(rule_of(wanted, MemoryPath::kSvmRange).touch, Touch::kFatal) << "the runtime's mapping";
  wanted.perturbation = "mprotect_ro_rw";
  EXPECT_EQ(rule_of(wanted, MemoryPath::kSvmRange).touch, Touch::kLeavesFirst)
      << "a write to a read-only page is fatal, not restored";
}

}  // namespace
}  // namespace notifier
