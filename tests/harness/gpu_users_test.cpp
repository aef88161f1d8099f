// SPDX-License-Identifier: MIT
#include "gpu_users.hpp"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>

namespace notifier {
namespace {

GpuUsers users_of(const std::string& box, std::span<const long long> own_pids = {}) {
  return find_gpu_users(SystemView(std::filesystem::path(NOTIFIER_FIXTURES) / box), own_pids);
}

TEST(GpuUsers, DesktopHasThreeKinds) {
  const GpuUsers found = users_of("gfx1030");
  ASSERT_EQ(found.users.size(), 3u);
  EXPECT_EQ(found.users[0].kind, GpuUserKind::kComputeProcess);
  EXPECT_EQ(found.users[0].pid, 2201);
  EXPECT_EQ(found.users[0].command, "python3");
  EXPECT_EQ(found.users[1].kind, GpuUserKind::kDrmClient);  // once, though it has two descriptors
  EXPECT_EQ(found.users[1].pid, 1500);
  EXPECT_EQ(found.users[1].device, "0000:0b:00.0");
  EXPECT_EQ(found.users[2].kind, GpuUserKind::kDisplay);
  EXPECT_EQ(found.users[2].device, "card0-DP-1");
  EXPECT_EQ(sharing_refusal(found),
            "the GPU is in use by others: compute process 2201 python3 (kfd), "
            "DRM client 1500 Xorg (0000:0b:00.0), display card0-DP-1");
}

TEST(GpuUsers, OwnProcessesAreNotOthers) {
  const std::array<long long, 2> own = {2201, 1500};
  const GpuUsers found = users_of("gfx1030", own);
  ASSERT_EQ(found.users.size(), 1u);
  EXPECT_EQ(found.users[0].kind, GpuUserKind::kDisplay);
}

TEST(GpuUsers, ServerAloneRefusesNothing) {
  EXPECT_FALSE(sharing_refusal(users_of("gfx942")).has_value());
  EXPECT_FALSE(sharing_refusal(users_of("gfx1100_mes")).has_value());  // connector, no display
  EXPECT_FALSE(sharing_refusal(users_of("no_gpu")).has_value());
}

TEST(GpuUsers, Json) {
  const nlohmann::json json = to_json(users_of("gfx1030"));
  EXPECT_EQ(json["users"].size(), 3u);
  EXPECT_EQ(json["users"][1]["kind"], "DRM client");
  EXPECT_EQ(json["unreadable_processes"], 0);
}

TEST(LiveGpuUsers, LooksAtEveryProcess) {
  const GpuUsers found = find_gpu_users(SystemView());
  EXPECT_EQ(to_json(found)["users"].size(), found.users.size());
}

}  // namespace
}  // namespace notifier
