// SPDX-License-Identifier: MIT
#include "harness/integrity.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/record.hpp"

namespace notifier {
namespace {

constexpr std::uint64_t kSeed = 77;
constexpr std::uint64_t kWord = 1234;
const RecordIdentity kIdentity{kSeed, kFirstDeviceOwner};

std::uint64_t device_record(std::uint64_t epoch) {
  return make_record(kIdentity.owner, kWord, epoch, kSeed);
}
std::uint64_t host_record(std::uint64_t epoch) {
  return make_record(kHostOwner, kWord, epoch, kSeed);
}
ViolationClass device_view(std::uint64_t observed, std::uint64_t expected) {
  return classify_device_view(observed, expected, kWord, kIdentity);
}

TEST(DeviceView, TellsTheClassesApart) {
  const std::uint64_t expected = device_record(40);
  EXPECT_EQ(device_view(0, expected), ViolationClass::kZero);
  EXPECT_EQ(device_view(expected ^ 1, expected), ViolationClass::kTorn);
  EXPECT_EQ(device_view(device_record(32), expected), ViolationClass::kLost);
  EXPECT_EQ(device_view(host_record(0), expected), ViolationClass::kLost);
  EXPECT_EQ(device_view(device_record(48), expected), ViolationClass::kForeign);
  EXPECT_EQ(device_view(make_record(99, kWord, 40, kSeed), expected), ViolationClass::kForeign);
}

TEST(DeviceView, AnOldPageBehindAResetIsStale) {
  EXPECT_EQ(device_view(device_record(32), host_record(3)), ViolationClass::kStale);
  EXPECT_EQ(device_view(host_record(2), host_record(3)), ViolationClass::kStale);
}

TEST(DeviceView, RecordsOfOtherWordsAndSeedsAreTorn) {
  EXPECT_EQ(device_view(make_record(kIdentity.owner, kWord + 1, 40, kSeed), device_record(40)),
            ViolationClass::kTorn);
  EXPECT_EQ(device_view(make_record(kIdentity.owner, kWord, 40, kSeed + 1), device_record(40)),
            ViolationClass::kTorn);
}

TEST(DeviceView, EpochsWrap) {
  // Pass 2^24 + 4 expects the record of pass 2^24 - 4; one of eight passes before is older.
  const std::uint64_t expected = device_record(kEpochMask - 3);
  EXPECT_EQ(device_view(device_record(kEpochMask - 11), expected), ViolationClass::kLost);
  EXPECT_EQ(device_view(device_record(4), expected), ViolationClass::kForeign);
}

TEST(HostView, AcceptsTheLastEightPassesAndTheRunningOne) {
  const PassWindow window{100, 102};
  for (std::uint64_t epoch = 93; epoch <= 103; ++epoch) {
    EXPECT_FALSE(classify_host_view(device_record(epoch), kWord, kIdentity, window, false))
        << epoch;
  }
  EXPECT_EQ(classify_host_view(device_record(92), kWord, kIdentity, window, false),
            ViolationClass::kStale);
  EXPECT_EQ(classify_host_view(device_record(104), kWord, kIdentity, window, false),
            ViolationClass::kForeign);
}

TEST(HostView, HostRecordsAreRightOnlyUntilTheyHaveBeenVisited) {
  const PassWindow window{100, 100};
  EXPECT_FALSE(classify_host_view(host_record(1), kWord, kIdentity, window, true));
  EXPECT_EQ(classify_host_view(host_record(1), kWord, kIdentity, window, false),
            ViolationClass::kStale);
}

TEST(HostView, ZeroTornAndForeign) {
  const PassWindow window{100, 100};
  EXPECT_EQ(classify_host_view(0, kWord, kIdentity, window, false), ViolationClass::kZero);
  EXPECT_EQ(classify_host_view(device_record(100) ^ 8, kWord, kIdentity, window, false),
            ViolationClass::kTorn);
  EXPECT_EQ(classify_host_view(make_record(9, kWord, 100, kSeed), kWord, kIdentity, window, false),
            ViolationClass::kForeign);
}

TEST(HostView, EpochsWrap) {
  const PassWindow window{kEpochMask + 3, kEpochMask + 3};
  EXPECT_FALSE(classify_host_view(device_record(kEpochMask + 1), kWord, kIdentity, window, false));
  EXPECT_FALSE(classify_host_view(device_record(kEpochMask - 2), kWord, kIdentity, window, false));
  EXPECT_EQ(classify_host_view(device_record(kEpochMask - 6), kWord, kIdentity, window, false),
            ViolationClass::kStale);
}

TEST(ChildScan, CountsEachClassAndGivesADigestOfTheContent) {
  std::vector<std::uint64_t> words(64);
  for (std::uint64_t i = 0; i < words.size(); ++i) {
    words[i] = make_record(kIdentity.owner, 640 + i, 10, kSeed);
  }
  ChildFindings clean{};
  const std::uint64_t digest = scan_child_copy(words.data(), 640, 64, kIdentity, 10, clean);
  EXPECT_EQ(clean.words_checked, 64u);
  EXPECT_EQ(clean.torn + clean.foreign + clean.zero, 0u);
  EXPECT_EQ(clean.has_first, 0u);

  words[3] = 0;
  words[4] ^= 1;
  words[5] = make_record(kIdentity.owner, 645, 11, kSeed);  // written after the fork
  words[6] = make_record(99, 646, 10, kSeed);
  ChildFindings dirty{};
  EXPECT_NE(scan_child_copy(words.data(), 640, 64, kIdentity, 10, dirty), digest);
  EXPECT_EQ(dirty.zero, 1u);
  EXPECT_EQ(dirty.torn, 1u);
  EXPECT_EQ(dirty.foreign, 2u);
  EXPECT_EQ(dirty.has_first, 1u);
  EXPECT_EQ(dirty.first_word, 643u);
  EXPECT_EQ(dirty.first_observed, 0u);
}

TEST(Counts, AddUp) {
  ViolationCounts a;
  a[ViolationClass::kTorn] = 2;
  ViolationCounts b;
  b[ViolationClass::kTorn] = 1;
  b[ViolationClass::kMissed] = 4;
  a += b;
  EXPECT_EQ(a[ViolationClass::kTorn], 3u);
  EXPECT_EQ(a.total(), 7u);
}

}  // namespace
}  // namespace notifier
