// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <set>

#include "harness/perturbation.hpp"

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
    EXPECT_EQ(row.hazardous, !row.hazard.empty()) << row.name;
    EXPECT_EQ(find_perturbation(row.name), &row);
  }
  EXPECT_EQ(find_perturbation("no such thing"), nullptr);
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

TEST(ExpectedEvictions, FollowInheritanceAndPath) {
  const Perturbation& fork = *find_perturbation("fork_exit");
  EXPECT_EQ(expected_evictions(fork, MemoryPath::kUserptrBo, true), 1);
  EXPECT_EQ(expected_evictions(fork, MemoryPath::kUserptrBo, false), 0);
  EXPECT_EQ(expected_evictions(fork, MemoryPath::kGtt, true), 0);
  const Perturbation& dontneed = *find_perturbation("dontneed");
  EXPECT_EQ(expected_evictions(dontneed, MemoryPath::kSvmRange, false), 1);
  EXPECT_EQ(expected_evictions(dontneed, MemoryPath::kVram, false), 0);
}

}  // namespace
}  // namespace notifier
