// SPDX-License-Identifier: MIT
#include "driver_actions.hpp"

#include <gtest/gtest.h>

#include "driver_event_parser.hpp"

namespace notifier {
namespace {

/// What the driver's own lines come to (formats: kfd_facts §5).
DriverActions actions(std::string_view lines) {
  DriverEventParser parser;
  std::vector<DriverEvent> events;
  parser.feed({lines.data(), lines.size()}, events);
  DriverActions seen;
  for (const DriverEvent& event : events) seen.add(event);
  return seen;
}

constexpr std::string_view kUserptr = "9 100 -7 1 1\na 200 -7 1 0\n";
constexpr std::string_view kSvm = "9 100 -7 1 0\na 200 -7 1 R\na 300 -7 1 0\n";
constexpr std::string_view kFaults = "b 90 -7 @10(4) 1 0\n7 100 -7 @10(1) W\n8 200 -7 @10(1) U\n";

TEST(DriverActions, NothingIsNothing) {
  const DriverActions seen = actions("");
  EXPECT_EQ(seen.describe(), "");
  EXPECT_EQ(seen.recovery_observed(), "none");
  EXPECT_FALSE(seen.differs_from("userptr_bo", "preempt"));
}

TEST(DriverActions, CountsByTrigger) {
  const DriverActions seen =
      actions(std::string(kUserptr) + std::string(kUserptr) + std::string(kSvm));
  EXPECT_EQ(seen.describe(), "evict_svm=1 evict_userptr=2 restore=3 rescheduled=1");
  EXPECT_EQ(seen.evictions(), 3u);
  EXPECT_EQ(seen.restores_rescheduled(), 1u);
  EXPECT_EQ(seen.recovery_observed(), "preempt");
}

TEST(DriverActions, UnmapsFaultsAndMigrations) {
  const DriverActions seen =
      actions(std::string(kFaults) + "5 100 -7 @10(4) 0->1 0:1 1\n6 200 -7 @10(4) 0->1 1\n");
  EXPECT_EQ(seen.describe(), "unmap_mmu_notify=1 fault=1 migrate_gpu_fault=1");
  EXPECT_EQ(seen.recovery_observed(), "retry_fault");
}

TEST(DriverActions, ATriggerOfANewerKernelIsCountedToo) {
  EXPECT_EQ(actions("9 100 -7 1 42\n").describe(), "evict_other=1");
}

struct Expected {
  std::string_view lines;
  std::string_view path;
  std::string_view recovery;
  bool differs;
};

class WhatWasAsked : public testing::TestWithParam<Expected> {};

TEST_P(WhatWasAsked, IsComparedWithWhatWasSeen) {
  EXPECT_EQ(actions(GetParam().lines).differs_from(GetParam().path, GetParam().recovery),
            GetParam().differs)
      << GetParam().path << ' ' << GetParam().recovery;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, WhatWasAsked,
    testing::Values(Expected{kUserptr, "userptr_bo", "preempt", false},
                    Expected{kUserptr, "userptr_bo", "retry_fault", false},  // §0.4: XNACK or not
                    Expected{kSvm, "userptr_bo", "preempt", true},           // some other range's
                    Expected{kSvm, "svm_range", "preempt", false},
                    Expected{kSvm, "svm_range", "retry_fault", true},  // §0.6: always mapped?
                    Expected{kUserptr, "svm_range", "preempt", true},
                    Expected{kFaults, "svm_range", "retry_fault", false},
                    Expected{kFaults, "svm_range", "preempt", true},
                    Expected{kUserptr, "vram", "none", true}, Expected{"", "vram", "none", false}));

}  // namespace
}  // namespace notifier
