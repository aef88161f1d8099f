// SPDX-License-Identifier: MIT
#include "protection_watchdog.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <chrono>

#include "smaps.hpp"

namespace notifier {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kSize = 1 << 16;
constexpr int kReadWrite = PROT_READ | PROT_WRITE;

class ProtectionWatchdogTest : public testing::Test {
 protected:
  void SetUp() override {
    memory_ =
        static_cast<char*>(::mmap(nullptr, kSize, kReadWrite, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(memory_, MAP_FAILED);
  }
  void TearDown() override { ::munmap(memory_, kSize); }

  bool writable() const {
    const auto mappings = read_smaps(memory_, kSize);
    return !mappings.empty() && mappings.front().writable;
  }

  char* memory_ = nullptr;
  ProtectionWatchdog watchdog_;
};

TEST_F(ProtectionWatchdogTest, GivesTheRightsBackWhenTheTimeIsUp) {
  ASSERT_EQ(::mprotect(memory_, kSize, PROT_NONE), 0);
  watchdog_.arm(memory_, kSize, kReadWrite, 1ns);
  watchdog_.wait_until_fired();
  EXPECT_TRUE(writable());
  EXPECT_TRUE(watchdog_.disarm());
}

TEST_F(ProtectionWatchdogTest, DisarmedInTimeItDoesNothing) {
  watchdog_.arm(memory_, kSize, PROT_NONE, 1h);
  EXPECT_FALSE(watchdog_.disarm());
  EXPECT_TRUE(writable());
}

TEST_F(ProtectionWatchdogTest, MayBeArmedAgainAndAgain) {
  for (int round = 0; round < 100; ++round) {
    ASSERT_EQ(::mprotect(memory_, kSize, PROT_READ), 0);
    watchdog_.arm(memory_, kSize, kReadWrite, 10us);
    watchdog_.wait_until_fired();
    ASSERT_TRUE(writable());
    ASSERT_TRUE(watchdog_.disarm());
    watchdog_.arm(memory_, kSize, PROT_NONE, 1h);
    ASSERT_FALSE(watchdog_.disarm());
  }
}

}  // namespace
}  // namespace notifier
