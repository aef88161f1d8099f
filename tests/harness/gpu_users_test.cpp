// SPDX-License-Identifier: MIT
#include "gpu_users.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

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

// Whoever has once opened /dev/kfd, as reading the environment does, is listed until it ends.
TEST(GpuUsers, ThisProcessIsNotAnother) {
  std::string root = testing::TempDir() + "users-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  const std::filesystem::path kfd = std::filesystem::path(root) / "sys/class/kfd/kfd/proc";
  std::filesystem::create_directories(kfd / std::to_string(::getpid()));
  EXPECT_FALSE(sharing_refusal(find_gpu_users(SystemView(root))).has_value());
  std::filesystem::create_directories(kfd / "1");
  EXPECT_TRUE(sharing_refusal(find_gpu_users(SystemView(root))).has_value());
  std::filesystem::remove_all(root);
}

TEST(GpuUsers, AProcessThatHasEndedIsWaitedFor) {
  std::string root = testing::TempDir() + "users-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  const std::filesystem::path kfd = std::filesystem::path(root) / "sys/class/kfd/kfd/proc";
  std::filesystem::create_directories(kfd / "77");  // and no /proc/77
  int pauses = 0;
  const auto ends_at_the_third = [&] {
    if (++pauses == 3) std::filesystem::remove_all(kfd / "77");
  };
  EXPECT_TRUE(find_gpu_users_at_rest(SystemView(root), ends_at_the_third).users.empty());
  EXPECT_EQ(pauses, 3);
  // One that stays, as every process does inside a container, is another user in the end.
  std::filesystem::create_directories(kfd / "78");
  pauses = 10;
  EXPECT_EQ(find_gpu_users_at_rest(SystemView(root), ends_at_the_third).users.size(), 1u);
  EXPECT_EQ(pauses, 30);
  // Nobody waits for a process that lives.
  std::filesystem::create_directories(std::filesystem::path(root) / "proc/78");
  EXPECT_EQ(find_gpu_users_at_rest(SystemView(root), ends_at_the_third).users.size(), 1u);
  EXPECT_EQ(pauses, 30);
  std::filesystem::remove_all(root);
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
