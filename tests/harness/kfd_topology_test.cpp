// SPDX-License-Identifier: MIT
#include "kfd_topology.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace notifier {
namespace {

SystemView box(const std::string& name) {
  return SystemView(std::filesystem::path(NOTIFIER_FIXTURES) / name);
}

// location_id 49920 is bus 0xC3, 50688 is bus 0xC6.
TEST(KfdTopology, FindsTheGpuOfAnAddress) {
  const auto first = find_kfd_gpu(box("two_gpus"), {.domain = 0, .bus = 0xC3, .device = 0});
  const auto second = find_kfd_gpu(box("two_gpus"), {.domain = 0, .bus = 0xC6, .device = 0});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->sysfs_node, 2u);
  EXPECT_EQ(first->gpu_id, 51764u);
  EXPECT_EQ(first->unique_id, "GPU-1111111122222222");  // 1229782938533634594
  EXPECT_EQ(second->sysfs_node, 3u);
  EXPECT_EQ(second->gpu_id, 51765u);
}

TEST(KfdTopology, AnotherDomainOrDeviceIsAnotherGpu) {
  EXPECT_FALSE(find_kfd_gpu(box("two_gpus"), {.domain = 1, .bus = 0xC3, .device = 0}));
  EXPECT_FALSE(find_kfd_gpu(box("two_gpus"), {.domain = 0, .bus = 0xC3, .device = 1}));
  EXPECT_FALSE(find_kfd_gpu(box("two_gpus"), {.domain = 0, .bus = 0, .device = 0}));  // CPU nodes
  EXPECT_FALSE(find_kfd_gpu(box("no_gpu"), {.domain = 0, .bus = 0xC3, .device = 0}));
}

class MadeTopology : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "topology-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void put_node(int node, const std::string& properties) {
    put("sys/class/kfd/kfd/topology/nodes/" + std::to_string(node) + "/properties", properties);
  }
  std::filesystem::path root_;
};

TEST_F(MadeTopology, APartitionsNumberIsNotPartOfTheAddress) {
  put_node(1, "simd_count 304\nlocation_id 1280\ndomain 3\ndrm_render_minor 128\n");
  put_node(2, "simd_count 304\nlocation_id 268436736\ndomain 3\ndrm_render_minor 129\n");
  put("sys/class/kfd/kfd/topology/nodes/1/gpu_id", "77\n");
  put("sys/class/drm/renderD128/device/numa_node", "1\n");
  const auto gpu = find_kfd_gpu(SystemView(root_), {.domain = 3, .bus = 5, .device = 0});
  ASSERT_TRUE(gpu);
  EXPECT_EQ(gpu->sysfs_node, 1u);
  EXPECT_EQ(gpu->gpu_id, 77u);
  EXPECT_EQ(gpu->numa_node, 1);
  EXPECT_EQ(gpu->unique_id, "");
}

// What a container sees of a GPU that it does not get: the folder, and files that cannot be read.
TEST_F(MadeTopology, NodesThatCannotBeReadAreLeftOut) {
  std::filesystem::create_directories(root_ / "sys/class/kfd/kfd/topology/nodes/1");
  put_node(2, "simd_count 304\nlocation_id 1280\ndomain 0\n");
  const auto gpu = find_kfd_gpu(SystemView(root_), {.domain = 0, .bus = 5, .device = 0});
  ASSERT_TRUE(gpu);
  EXPECT_EQ(gpu->sysfs_node, 2u);
  EXPECT_EQ(gpu->numa_node, -1);
}

}  // namespace
}  // namespace notifier
