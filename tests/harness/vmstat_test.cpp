// SPDX-License-Identifier: MIT
#include "vmstat.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace notifier {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{60'000};  // a test that needs it has failed

TEST(WaitForCounter, LooksAgainUntilEnoughIsCounted) {
  // A batch of 255 pages, one of which was seen to be gone before they were counted.
  int looks = 0;
  const auto counted_at_third_look = [&] { return ++looks < 3 ? 0u : 255u; };
  EXPECT_EQ(wait_for_counter(counted_at_third_look, 1, kLong), 255u);
  EXPECT_EQ(looks, 3);
}

TEST(WaitForCounter, LooksOnceWhenItIsThere) {
  int looks = 0;
  const auto counter = [&] { return static_cast<std::uint64_t>(++looks); };
  EXPECT_EQ(wait_for_counter(counter, 0, kLong), 1u);
  EXPECT_EQ(wait_for_counter(counter, 2, kLong), 2u);
  EXPECT_EQ(looks, 2);
}

TEST(WaitForCounter, GivesUpWithWhatThereIs) {
  EXPECT_EQ(wait_for_counter([] { return 7u; }, 8, milliseconds(0)), 7u);
}

TEST(ExcusedPages, AreNotMoreThanWereMissed) {
  EXPECT_EQ(excused_pages(0, 0), 0u);
  EXPECT_EQ(excused_pages(3, 0, 2), 2 + std::min<std::uint64_t>(1, pages_moved_by_kernel()));
  EXPECT_EQ(excused_pages(3, pages_moved_by_kernel(), 7), 3u);
}

}  // namespace
}  // namespace notifier
