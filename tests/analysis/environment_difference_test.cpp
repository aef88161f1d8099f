// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "analysis/compare/environment.hpp"

namespace notifier::analysis {
namespace {

RunSet runs(std::map<std::string, std::string> environment, const std::string& kernel = "6.12") {
  RunSet set;
  set.recordings.emplace_back().environment = std::move(environment);
  CaseRun& run = set.runs.emplace_back();
  run.identity.machine = "box";
  run.identity.platform = "rocm";
  run.identity.kernel_release = kernel;
  return set;
}

std::string as_text(const std::vector<EnvironmentDifference>& differences) {
  std::string text;
  for (const auto& difference : differences) {
    text += difference.field + "=" + std::to_string(static_cast<int>(difference.kind)) + " ";
  }
  return text;
}

constexpr int kDeclared = static_cast<int>(DifferenceKind::kDeclared);
static_assert(kDeclared == 0);

TEST(Environment, EqualSidesHaveNoDifferences) {
  const RunSet side = runs({{"memory_policy.thp_enabled", "madvise"}});
  EXPECT_EQ(as_text(compare_environments(side, side, {})), "");
}

TEST(Environment, UndeclaredDifferencesMatterAndComeFirst) {
  const RunSet before = runs({{"cpu.governor", "powersave"}, {"kernel.tainted", "0"}});
  const RunSet after = runs({{"cpu.governor", "performance"}, {"kernel.tainted", "4096"}});
  EXPECT_EQ(as_text(compare_environments(before, after, {})), "cpu.governor=2 kernel.tainted=1 ");
  const std::vector<std::string> varied = {"cpu"};
  EXPECT_EQ(as_text(compare_environments(before, after, varied)),
            "cpu.governor=0 kernel.tainted=1 ");
}

TEST(Environment, TheKernelSetCoversWhatChangesWithAKernel) {
  const RunSet before = runs({{"kernel.release", "6.12"}, {"amdgpu.source_version", "a"}}, "6.12");
  const RunSet after = runs({{"kernel.release", "6.17"}, {"amdgpu.source_version", "b"}}, "6.17");
  const std::vector<std::string> varied = {"kernel"};
  EXPECT_EQ(as_text(compare_environments(before, after, varied)),
            "amdgpu.source_version=0 kernel.release=0 kernel_release=0 ");
  EXPECT_EQ(as_text(compare_environments(before, after, {})),
            "amdgpu.source_version=2 kernel.release=2 kernel_release=2 ");
}

TEST(Environment, ASettingThatOneSideDoesNotKnowIsNoReasonToRefuse) {
  EXPECT_EQ(as_text(compare_environments(runs({}), runs({{"cpu.governor", "x"}}), {})),
            "cpu.governor=3 ");
}

TEST(Environment, AVariableThatIsNotListedWasNotSet) {
  const RunSet before = runs({{"process.root", "true"}});
  const RunSet after = runs({{"process.root", "true"}, {"process.variables.HSA_XNACK", "1"}});
  const auto differences = compare_environments(before, after, {});
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_EQ(differences[0].kind, DifferenceKind::kMatters);
  EXPECT_EQ(differences[0].old_values, std::set<std::string>{"(unset)"});
}

TEST(Environment, ASideThatIsNotUniformDiffersToo) {
  RunSet mixed = runs({{"cpu.smt", "on"}});
  mixed.recordings.emplace_back().environment = {{"cpu.smt", "off"}};
  EXPECT_EQ(as_text(compare_environments(mixed, mixed, {})), "cpu.smt=2 ");
}

TEST(Environment, BootAndDeviceNumbersMeanNothing) {
  const RunSet before = runs({{"kernel.boot_id", "a"}, {"gpus.0.gpu_id", "1"}});
  const RunSet after = runs({{"kernel.boot_id", "b"}, {"gpus.0.gpu_id", "2"}});
  EXPECT_EQ(as_text(compare_environments(before, after, {})), "");
}

TEST(Environment, VaryTakesFieldsGroupsPatternsAndSets) {
  EXPECT_TRUE(covers("cpu.smt", "cpu.smt"));
  EXPECT_TRUE(covers("cpu", "cpu.smt"));
  EXPECT_TRUE(covers("memory_policy.thp*", "memory_policy.thp_defrag"));
  EXPECT_TRUE(covers("firmware", "gpus.0.device.firmware.mec"));
  EXPECT_TRUE(covers("machine", "machine"));
  EXPECT_FALSE(covers("cpu", "cpus"));
  EXPECT_FALSE(covers("kernel", "cpu.smt"));
}

}  // namespace
}  // namespace notifier::analysis
