// SPDX-License-Identifier: MIT
#include "environment.hpp"

#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "environment_field.hpp"

namespace notifier {
namespace {

using nlohmann::json;

json read_box(const std::string& box) {
  return read_environment(SystemView(std::filesystem::path(NOTIFIER_FIXTURES) / box));
}

// A root of our own that a test fills file by file.
class EmptyRoot : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "environment-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    const std::filesystem::path file = SystemView(root_).locate(path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
  std::filesystem::path root_;
};

// Each leaf field says where it comes from, and what is null says why.
void check_fields(const json& value, const std::string& place, int& fields) {
  if (value.is_array()) {
    for (const json& item : value) check_fields(item, place + "[]", fields);
  }
  if (!value.is_object()) return;
  if (value.contains("value") && value.contains("source")) {
    ++fields;
    EXPECT_FALSE(value["source"].get<std::string>().empty()) << place;
    EXPECT_EQ(value["value"].is_null(), value.contains("reason")) << place;
    return;
  }
  for (const auto& [key, item] : value.items()) check_fields(item, place + "." + key, fields);
}

class EveryBox : public testing::TestWithParam<std::string> {};

TEST_P(EveryBox, FieldsHaveSourcesAndNullsHaveReasons) {
  int fields = 0;
  check_fields(read_box(GetParam()), "", fields);
  EXPECT_GT(fields, 50);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, EveryBox,
                         testing::Values("gfx90a_xnack", "gfx90a", "gfx942", "gfx1030",
                                         "gfx1100_mes", "two_gpus", "cwsr_off", "container_no_kfd",
                                         "no_gpu"));

TEST(Environment, Instinct) {
  const json environment = read_box("gfx90a_xnack");
  EXPECT_EQ(environment_value(environment, "kernel", "release"), "6.8.0-51-generic");
  EXPECT_EQ(environment_value(environment, "kernel", "config_hz"), 250);
  EXPECT_EQ(environment["kernel"]["config_hz"]["source"], "/boot/config-6.8.0-51-generic");
  EXPECT_EQ(environment_value(environment, "memory", "total_bytes"), 527984644LL * 1024);
  EXPECT_EQ(environment_value(environment, "memory_policy", "thp_enabled"), "madvise");
  EXPECT_EQ(environment_value(environment, "memory_policy", "numa_balancing"), 1);
  EXPECT_EQ(environment_value(environment, "amdgpu", "version"), "6.8.5");
  EXPECT_EQ(environment["amdgpu"]["parameters"]["noretry"]["value"], 0);
  EXPECT_EQ(environment["amdgpu"]["parameters"]["debug_evictions"]["value"], "N");
  EXPECT_EQ(environment_value(environment, "cpu", "governor"), "performance");
  EXPECT_EQ(environment_value(environment, "memory", "swap").size(), 1u);
  ASSERT_EQ(environment["gpus"].size(), 1u);
  const json& gpu = environment["gpus"][0];
  EXPECT_EQ(gpu["node_id"]["value"], 2);
  EXPECT_EQ(gpu["gpu_id"]["value"], 51764);
  EXPECT_EQ(gpu["gfx_target"]["value"], "gfx90a");
  EXPECT_EQ(gpu["unique_id"]["value"], "GPU-9cb2a1e3a5d0f417");
  EXPECT_EQ(gpu["simd_count"]["value"], 416);
  EXPECT_EQ(gpu["capability"]["value"]["svm_api"], true);
  EXPECT_EQ(gpu["io_links"][0]["flags"]["no_atomics_64_bit"], false);
  EXPECT_EQ(gpu["device"]["pci_slot"]["value"], "0000:c3:00.0");
  EXPECT_EQ(gpu["device"]["firmware"]["value"]["mec_fw_version"]["value"], "0x0000004e");
}

TEST(Environment, UniqueIdOfANode) {
  const std::filesystem::path fixtures(NOTIFIER_FIXTURES);
  EXPECT_EQ(gpu_unique_id(SystemView(fixtures / "gfx90a_xnack"), 2), "GPU-9cb2a1e3a5d0f417");
  EXPECT_EQ(gpu_unique_id(SystemView(fixtures / "gfx90a_xnack"), 77), "");
  EXPECT_EQ(gpu_unique_id(SystemView(fixtures / "no_gpu"), 1), "");
}

TEST(Environment, OnlyVariablesThatMatterAreKept) {
  const json variables = environment_value(read_box("gfx90a_xnack"), "process", "variables");
  EXPECT_EQ(variables, (json{{"HSA_XNACK", "1"}, {"ROCR_VISIBLE_DEVICES", "0"}}));
}

TEST(Environment, KernelArgumentsThatDoNotMatterAreLeftOut) {
  EXPECT_EQ(environment_value(read_box("gfx90a_xnack"), "kernel", "arguments"),
            (json{"iommu=pt", "amd_iommu=on"}));
}

TEST(Environment, Desktop) {
  const json environment = read_box("gfx1030");
  const json& gpu = environment["gpus"][0];
  EXPECT_EQ(gpu["gfx_target"]["value"], "gfx1030");
  EXPECT_TRUE(gpu["unique_id"]["value"].is_null());
  EXPECT_EQ(gpu["io_links"][0]["flags"]["no_atomics_32_bit"], true);
  EXPECT_EQ(gpu["io_links"][0]["flags"]["no_atomics_64_bit"], true);
  EXPECT_TRUE(environment_value(environment, "amdgpu", "version").is_null());
  EXPECT_EQ(environment["amdgpu"]["version"]["reason"], "No such file or directory");
}

TEST(Environment, CompressedKernelConfiguration) {
  const json environment = read_box("gfx1100_mes");
  EXPECT_EQ(environment_value(environment, "kernel", "config_hz"), 1000);
  EXPECT_EQ(environment["kernel"]["config_hz"]["source"], "/proc/config.gz");
  EXPECT_EQ(environment["amdgpu"]["parameters"]["mes"]["value"], 1);
}

TEST(Environment, TwoGpusAndTheirLinks) {
  const json gpus = read_box("two_gpus")["gpus"];
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0]["gfx_target"]["value"], "gfx90a");
  EXPECT_EQ(gpus[1]["gfx_target"]["value"], "gfx1030");
  EXPECT_EQ(gpus[0]["peer_links"][0]["value"]["node_to"], 3);
  EXPECT_EQ(gpus[1]["device"]["numa_node"]["value"], 1);
}

TEST(Environment, ContainerWithoutTheDevice) {
  const json environment = read_box("container_no_kfd");
  EXPECT_EQ(environment_value(environment, "machine", "container"), "yes");
  EXPECT_TRUE(environment_value(environment, "amdgpu", "kfd_device").is_null());
  EXPECT_EQ(environment_value(environment, "process", "root"), true);
  EXPECT_EQ(environment_value(environment, "memory", "cgroup_limit"), 68719476736);
  // No configuration in the container: the field says where it looked.
  EXPECT_TRUE(environment_value(environment, "kernel", "config_hz").is_null());
  EXPECT_NE(environment["kernel"]["config_hz"]["source"].get<std::string>().find("/proc/config.gz"),
            std::string::npos);
}

TEST_F(EmptyRoot, NothingThereIsNothingKnown) {
  const json environment = read_environment(SystemView(root_));
  int fields = 0;
  check_fields(environment, "", fields);
  EXPECT_TRUE(environment_value(environment, "kernel", "release").is_null());
  EXPECT_TRUE(environment["gpus"].empty());
  EXPECT_EQ(environment_value(environment, "amdgpu", "loaded"), false);
}

TEST_F(EmptyRoot, OddTextIsReportedNotInterpreted) {
  put("/proc/sys/kernel/hostname", "caf\xe9\n");
  put("/sys/kernel/mm/transparent_hugepage/enabled", "sometimes\n");
  put("/proc/meminfo", "MemTotal: lots\n");
  put("/sys/class/kfd/kfd/topology/nodes/1/properties", "simd_count many\n");
  const json environment = read_environment(SystemView(root_));
  EXPECT_EQ(environment_value(environment, "machine", "name"), "caf\xEF\xBF\xBD");
  EXPECT_EQ(environment["memory_policy"]["thp_enabled"]["reason"], "not understood: sometimes");
  EXPECT_TRUE(environment_value(environment, "memory", "total_bytes").is_null());
  EXPECT_TRUE(environment["gpus"].empty());
  EXPECT_NO_THROW(environment.dump());
}

TEST_F(EmptyRoot, HugePagesOfEverySize) {
  put("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled",
      "always [inherit] madvise never\n");
  const json policy = read_memory_policy(SystemView(root_));
  EXPECT_EQ(policy["thp_sizes"]["64kB"]["enabled"]["value"], "inherit");
  EXPECT_TRUE(policy["thp_sizes"]["64kB"]["shmem_enabled"]["value"].is_null());
}

TEST(GfxTarget, DecimalPairsBecomeHexDigits) {
  EXPECT_EQ(gfx_target_name(90010), "gfx90a");
  EXPECT_EQ(gfx_target_name(90402), "gfx942");
  EXPECT_EQ(gfx_target_name(90006), "gfx906");
  EXPECT_EQ(gfx_target_name(100300), "gfx1030");
  EXPECT_EQ(gfx_target_name(110501), "gfx1151");
  EXPECT_EQ(gfx_target_name(120001), "gfx1201");
  EXPECT_EQ(gfx_target_name(0), "");
}

TEST(LiveEnvironment, AgreesWithTheSystem) {
  const json environment = read_environment(SystemView());
  int fields = 0;
  check_fields(environment, "", fields);
  utsname names{};
  ASSERT_EQ(::uname(&names), 0);
  EXPECT_EQ(environment_value(environment, "kernel", "release"), names.release);
  EXPECT_EQ(environment_value(environment, "process", "root"), ::geteuid() == 0);
  EXPECT_EQ(environment_value(environment, "memory", "page_size_bytes"), ::sysconf(_SC_PAGESIZE));
  EXPECT_TRUE(environment_value(environment, "kernel", "config_hz").is_number_integer());
  EXPECT_TRUE(environment_value(environment, "build", "compiler").is_string());
}

}  // namespace
}  // namespace notifier
