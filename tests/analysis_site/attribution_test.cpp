// SPDX-License-Identifier: MIT
#include "analysis/change_points/attribution.hpp"

#include <gtest/gtest.h>

namespace notifier::analysis {
namespace {

const std::vector<std::size_t> kOneDeviceEach = {1, 1, 1};

TEST(Attribution, StepsOnAllMachinesThatGotADriverAreOneChangeOfTheDriver) {
  // the third machine keeps the old driver and does not step; updates come on different nights
  const std::vector<LocatedStep> steps = {{0, 50, "a"}, {0, 51, "a"}, {1, 80, "b"}};
  const std::vector<EnvironmentChange> changes = {
      {0, 50, "amdgpu.version", "6.1", "6.2"},
      {1, 79, "amdgpu.version", "6.1", "6.2"},
      {2, 50, "cpu.governor", "powersave", "performance"}};
  const std::vector<StepGroup> groups = group_steps(steps, changes, kOneDeviceEach);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].steps, (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(groups[0].cause, Cause::kEnvironment);
  ASSERT_EQ(groups[0].candidates.size(), 1U);
  EXPECT_EQ(groups[0].candidates[0].field, "amdgpu.version");
  EXPECT_EQ(groups[0].candidates[0].machines_stepped, 2U);
  EXPECT_EQ(groups[0].candidates[0].machines_steady, 0U);
}

TEST(Attribution, ChangeThatOtherMachinesTookWithoutAStepIsNotTheCause) {
  const std::vector<LocatedStep> steps = {{0, 50, "a"}};
  std::vector<EnvironmentChange> changes;
  for (std::size_t machine = 0; machine < 3; ++machine) {
    changes.push_back({machine, 50, "kernel_release", "6.1.1", "6.1.2"});
  }
  const std::vector<StepGroup> groups = group_steps(steps, changes, kOneDeviceEach);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].cause, Cause::kOneMachine);
  ASSERT_EQ(groups[0].candidates.size(), 1U);
  EXPECT_EQ(groups[0].candidates[0].machines_steady, 2U);
}

TEST(Attribution, OneOfSeveralDevicesIsNamed) {
  const std::vector<LocatedStep> steps = {{0, 10, "gpu0"}, {0, 11, "gpu0"}};
  const std::vector<std::size_t> devices = {4};
  const std::vector<StepGroup> groups = group_steps(steps, {}, devices);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].cause, Cause::kOneDevice);
}

TEST(Attribution, WithoutAnyChangeAndOnTheOnlyMachineTheCauseIsUnknown) {
  const std::vector<LocatedStep> steps = {{0, 10, "gpu0"}};
  const std::vector<std::size_t> devices = {1};
  EXPECT_EQ(group_steps(steps, {}, devices)[0].cause, Cause::kUnknown);
}

TEST(Attribution, KernelComesBeforeWhatChangesWithEveryKernel) {
  const std::vector<LocatedStep> steps = {{0, 10, "a"}};
  const std::vector<EnvironmentChange> changes = {{0, 10, "boot.command_line", "a", "b"},
                                                  {0, 10, "kernel_release", "6.1", "6.2"},
                                                  {0, 14, "firmware.smc", "1", "2"}};
  const std::vector<StepGroup> groups = group_steps(steps, changes, kOneDeviceEach);
  ASSERT_EQ(groups[0].candidates.size(), 2U);  // the firmware came four nights later
  EXPECT_EQ(groups[0].candidates[0].field, "kernel_release");
}

TEST(Attribution, DistantStepsAreDifferentChanges) {
  const std::vector<LocatedStep> steps = {{0, 90, "a"}, {0, 10, "a"}, {0, 12, "a"}, {1, 10, "b"}};
  const std::vector<StepGroup> groups = group_steps(steps, {}, kOneDeviceEach);
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].steps, (std::vector<std::size_t>{0}));
  EXPECT_EQ(groups[1].steps, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(groups[2].steps, (std::vector<std::size_t>{3}));
}

TEST(Attribution, FieldClasses) {
  EXPECT_EQ(field_class("kernel_release"), "kernel");
  EXPECT_EQ(field_class("gpu.0.firmware.smc"), "firmware");
  EXPECT_EQ(field_class("amdgpu.version"), "driver");
  EXPECT_EQ(field_class("gpu.0.power_cap"), "gpu");
  EXPECT_EQ(field_class("cpu.governor"), "cpu");
  EXPECT_EQ(field_class("memory.numa_balancing"), "memory");
  EXPECT_EQ(field_class("suite.commit"), "other");
}

}  // namespace
}  // namespace notifier::analysis
