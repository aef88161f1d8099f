// SPDX-License-Identifier: MIT
#include "run_safety.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace notifier {
namespace {

std::filesystem::path box(const std::string& name) {
  return std::filesystem::path(NOTIFIER_FIXTURES) / name;
}

TEST(RunSafety, RefusesPersistentKernelsThatCannotBePreempted) {
  const RunSafety safety{SystemView(box("cwsr_off"))};
  const auto refusal = safety.refusal("rocm", true);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->find("cwsr_enable=0"), 0u) << *refusal;
  EXPECT_FALSE(safety.refusal("software", false).has_value());
}

TEST(RunSafety, RefusesToShareUnlessTold) {
  const RunSafety safety{SystemView(box("gfx1030"))};
  const auto refusal = safety.refusal("rocm", false);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_NE(refusal->find("--share-gpu"), std::string::npos) << *refusal;
  EXPECT_FALSE(safety.refusal("rocm", true).has_value());
  EXPECT_EQ(safety.to_json()["other_gpu_users"]["users"].size(), 3u);
}

TEST(RunSafety, LetsAQuietServerRun) {
  const RunSafety safety{SystemView(box("gfx942"))};
  EXPECT_FALSE(safety.refusal("rocm", false).has_value());
  EXPECT_FALSE(
      safety.case_refusal({"managed", "anon", "fork_exit", "preempt"}, "rocm").has_value());
  EXPECT_TRUE(safety.case_refusal({"userptr", "hugetlb", "none", "preempt"}, "rocm").has_value());
}

TEST(RunSafety, AResetAfterACaseIsItsFailureOnARealGpuOnly) {
  std::string pattern = testing::TempDir() + "safety-XXXXXX";
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::filesystem::path root = pattern;
  std::filesystem::create_directories(root / "dev");
  std::ofstream(root / "dev/kmsg") << "";
  RunSafety safety{SystemView(root)};
  EXPECT_FALSE(safety.check_after_case("rocm").has_value());
  const auto log = [&](int sequence) {
    std::ofstream(root / "dev/kmsg", std::ios::app)
        << "3," << sequence << ",1,-;amdgpu 0000:c5:00.0: amdgpu: GPU reset begin!\n";
  };
  log(1);
  const auto failure = safety.check_after_case("rocm");
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->find("GPU reset: amdgpu 0000:c5:00.0"), 0u) << *failure;
  EXPECT_FALSE(safety.check_after_case("rocm").has_value());
  log(2);
  EXPECT_FALSE(safety.check_after_case("software").has_value());
  EXPECT_EQ(safety.to_json()["findings"].size(), 2u);
  EXPECT_EQ(safety.to_json()["not_observed"].size(), 1u);  // no taint file in this root
  std::filesystem::remove_all(root);
}

TEST(RunSafety, AFaultThatWasMeasuredStopsNothingElseDoes) {
  std::string pattern = testing::TempDir() + "safety-XXXXXX";
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::filesystem::path root = pattern;
  std::filesystem::create_directories(root / "dev");
  std::ofstream(root / "dev/kmsg") << "";
  RunSafety safety{SystemView(root)};
  const auto log = [&](int sequence, const char* line) {
    std::ofstream(root / "dev/kmsg", std::ios::app)
        << "3," << sequence << ",1,-;amdgpu 0000:c5:00.0: amdgpu: " << line << "\n";
  };
  log(1, "[gfxhub0] no-retry page fault (src_id:0 ring:24 vmid:8 pasid:32769)");
  EXPECT_FALSE(safety.check_after_fault("rocm").has_value());
  EXPECT_EQ(safety.to_json()["findings"].size(), 1u);  // noted all the same
  log(2, "[gfxhub0] no-retry page fault (src_id:0 ring:24 vmid:8 pasid:32769)");
  EXPECT_TRUE(safety.check_after_case("rocm").has_value());
  log(3, "GPU reset begin!");
  EXPECT_TRUE(safety.check_after_fault("rocm").has_value());
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace notifier
