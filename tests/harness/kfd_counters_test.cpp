// SPDX-License-Identifier: MIT
#include "kfd_counters.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace notifier {
namespace {

namespace fs = std::filesystem;

TEST(KfdCounters, AreAddedUpOverTheGpusOfTheProcess) {
  std::string root = fs::temp_directory_path() / "kfd_counters_test_XXXXXX";
  ASSERT_NE(mkdtemp(root.data()), nullptr);
  const auto write = [&](const std::string& path, const std::string& text) {
    const fs::path file = root + "/sys/class/kfd/kfd/proc/" + path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  };
  write("42/stats_1234/evicted_ms", "17\n");
  write("42/stats_1234/cu_occupancy", "3\n");
  write("42/stats_5678/evicted_ms", "3\n");
  write("42/counters_1234/faults", "900\n");
  write("43/stats_1234/evicted_ms", "1000\n");
  write("44/stats_1234/evicted_ms", "many\n");
  const SystemView view(root);
  EXPECT_EQ(kfd_evicted_ns(view, 42), 20e6);
  EXPECT_EQ(kfd_evicted_ns(view, 44), std::nullopt);
  EXPECT_EQ(kfd_evicted_ns(view, 45), std::nullopt);
  fs::remove_all(root);
}

}  // namespace
}  // namespace notifier
