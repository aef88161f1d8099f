// SPDX-License-Identifier: MIT
#include "softgpu/core/settings.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace softgpu {
namespace {

class SettingsTest : public testing::Test {
 protected:
  SettingsTest() { clear(); }
  ~SettingsTest() override { clear(); }

  static void clear() {
    for (const char* name : {"SOFTGPU_DEVICES", "SOFTGPU_WAVES", "SOFTGPU_VRAM",
                             "SOFTGPU_WAIT_LIMIT_MS", "SOFTGPU_AUDIT", "SOFTGPU_PLANT",
                             "SOFTGPU_DELAYS", "SOFTGPU_CWSR", "SOFTGPU_ENGINE", "HSA_XNACK"}) {
      unsetenv(name);
    }
  }

  /// The complaint about one variable.
  std::string read_with(const char* name, const char* value) {
    setenv(name, value, 1);
    return read_settings(settings_);
  }

  Settings settings_;
};

TEST_F(SettingsTest, DefaultsNeedNoEnvironment) {
  EXPECT_EQ(read_settings(settings_), "");
  EXPECT_GE(settings_.waves, 1u);
  EXPECT_EQ(settings_.vram_bytes, 256ull << 20);
  EXPECT_EQ(settings_.audit, AuditLevel::kRestore);
  EXPECT_EQ(settings_.plant, Plant::kNone);
}

TEST_F(SettingsTest, NumbersMayHaveASuffix) {
  EXPECT_EQ(read_with("SOFTGPU_VRAM", "3G"), "");
  EXPECT_EQ(settings_.vram_bytes, 3ull << 30);
  EXPECT_EQ(read_with("SOFTGPU_WAVES", "7"), "");
  EXPECT_EQ(settings_.waves, 7u);
}

TEST_F(SettingsTest, WrongNumbersAreNamed) {
  for (const char* text : {"0", "-1", "x", "", "1x", "1KK", "99999999999999999999", "257"}) {
    EXPECT_EQ(read_with("SOFTGPU_WAVES", text),
              std::string("SOFTGPU_WAVES=") + text + " is not understood");
  }
}

TEST_F(SettingsTest, PlantsAreKnownByName) {
  EXPECT_EQ(read_with("SOFTGPU_PLANT", "torn"), "");
  EXPECT_EQ(settings_.plant, Plant::kTorn);
  EXPECT_EQ(read_with("SOFTGPU_PLANT", "torn_context"), "");
  EXPECT_EQ(settings_.plant, Plant::kTornContext);
  EXPECT_EQ(read_with("SOFTGPU_PLANT", "wide"), "");
  EXPECT_EQ(settings_.plant, Plant::kWide);
  EXPECT_EQ(read_with("SOFTGPU_PLANT", "skip_hook:munmap"), "");
  EXPECT_EQ(settings_.plant, Plant::kSkipHook);
  EXPECT_EQ(settings_.plant_hook, "munmap");
  EXPECT_NE(read_with("SOFTGPU_PLANT", "tornn"), "");
}

TEST_F(SettingsTest, ASlowRestoreHasAPercentage) {
  EXPECT_EQ(read_with("SOFTGPU_PLANT", "slow_restore:20"), "");
  EXPECT_EQ(settings_.plant, Plant::kSlowRestore);
  EXPECT_EQ(settings_.slower_percent, 20u);
  for (const char* text : {"slow_restore", "slow_restore:", "slow_restore:0", "slow_restore:-5",
                           "slow_restore:x", "slow_restore:1001"}) {
    EXPECT_NE(read_with("SOFTGPU_PLANT", text), "") << text;
  }
}

TEST_F(SettingsTest, AuditLevelsAreKnownByName) {
  EXPECT_EQ(read_with("SOFTGPU_AUDIT", "full"), "");
  EXPECT_EQ(settings_.audit, AuditLevel::kFull);
  EXPECT_NE(read_with("SOFTGPU_AUDIT", "fuller"), "");
}

TEST_F(SettingsTest, RetryFaultsAndDelaysAreAskedFor) {
  EXPECT_EQ(read_settings(settings_), "");
  EXPECT_TRUE(settings_.delays);
  EXPECT_FALSE(settings_.retry_faults);
  EXPECT_NE(read_with("SOFTGPU_DELAYS", "never"), "");
  EXPECT_EQ(read_with("SOFTGPU_DELAYS", "off"), "");
  EXPECT_FALSE(settings_.delays);
  EXPECT_NE(read_with("HSA_XNACK", "yes"), "");
  EXPECT_EQ(read_with("HSA_XNACK", "1"), "");
  EXPECT_TRUE(settings_.retry_faults);
}

TEST_F(SettingsTest, WaitingForJobsExcludesRetryFaults) {
  EXPECT_EQ(read_with("SOFTGPU_CWSR", "0"), "");
  EXPECT_TRUE(settings_.wait_for_jobs);
  EXPECT_NE(read_with("HSA_XNACK", "1").find("would hang"), std::string::npos);
  EXPECT_EQ(read_with("SOFTGPU_CWSR", "1"), "");
  EXPECT_NE(read_with("SOFTGPU_CWSR", "drain"), "");
  unsetenv("HSA_XNACK");
  unsetenv("SOFTGPU_CWSR");
  EXPECT_EQ(read_with("SOFTGPU_ENGINE", "kvm"), "");
  EXPECT_NE(read_with("SOFTGPU_DEVICES", "2").find("one device"), std::string::npos);
  unsetenv("SOFTGPU_DEVICES");
  settings_ = {};
  EXPECT_NE(read_with("SOFTGPU_CWSR", "0").find("one device"), std::string::npos);
}

}  // namespace
}  // namespace softgpu
