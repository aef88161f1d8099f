// SPDX-License-Identifier: MIT
#include "gpu_locality.hpp"

#include <gtest/gtest.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace notifier {
namespace {

/// A machine whose node 0 has the CPUs of `list`.
class GpuLocality : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "locality-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  std::string stay(const std::string& list, int node = 0) {
    const auto folder = root_ / "sys/devices/system/node/node0";
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "cpulist") << list << "\n";
    return stay_on_numa_node(SystemView(root_), node);
  }
  std::filesystem::path root_;
};

TEST_F(GpuLocality, KeepsThreadAndMemoryOnTheNode) {
  // A thread of its own, whose affinity goes with it.
  std::thread([&] {
    cpu_set_t usable;
    ASSERT_EQ(sched_getaffinity(0, sizeof usable, &usable), 0);
    int first = 0;
    while (!CPU_ISSET(first, &usable)) ++first;
    const std::string said = stay(std::to_string(first) + ",1022-1023");
    cpu_set_t now;
    ASSERT_EQ(sched_getaffinity(0, sizeof now, &now), 0);
    EXPECT_EQ(CPU_COUNT(&now), 1);
    EXPECT_TRUE(CPU_ISSET(first, &now));
    int mode = -1;
    if (syscall(SYS_get_mempolicy, &mode, nullptr, 0, nullptr, 0) == 0) {
      EXPECT_EQ(said, "CPUs and memory of NUMA node 0");
      EXPECT_EQ(mode, MPOL_PREFERRED);
    } else {
      EXPECT_NE(said.find("memory not placed"), std::string::npos) << said;
    }
  }).join();
}

TEST_F(GpuLocality, LeavesAProcessThatIsKeptAwayAlone) {
  std::thread([&] {
    cpu_set_t before;
    ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
    EXPECT_EQ(stay("1020-1023"), "not placed: no CPU of NUMA node 0 may be used");
    EXPECT_NE(stay("0", -1).find("not known"), std::string::npos);
    EXPECT_NE(stay("0", 7).find("node7"), std::string::npos);
    cpu_set_t after;
    ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
    EXPECT_TRUE(CPU_EQUAL(&before, &after));
  }).join();
}

}  // namespace
}  // namespace notifier
