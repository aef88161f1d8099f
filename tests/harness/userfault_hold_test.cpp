// SPDX-License-Identifier: MIT
#include "harness/userfault_hold.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>

#include "harness/clock_reader.hpp"
#include "harness/perturbation.hpp"

namespace notifier {
namespace {

constexpr std::size_t kPageBytes = 4096;

std::byte* map_page() {
  void* page =
      mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE(page, MAP_FAILED);
  *static_cast<volatile char*>(page) = 1;
  return static_cast<std::byte*>(page);
}

TEST(UserfaultHold, MakesAStoreWaitAsLongAsSaid) {
  std::byte* page = map_page();
  std::unique_ptr<UserfaultHold> hold;
  try {
    hold = std::make_unique<UserfaultHold>(page, kPageBytes);
  } catch (const CannotPerform& obstacle) {
    GTEST_SKIP() << obstacle.what();
  }
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> longest_ns{0};
  auto* word = reinterpret_cast<std::uint64_t*>(page);
  std::thread writer([&] {
    std::int64_t last_ns = monotonic_raw_ns();
    while (!stop) {
      __atomic_fetch_add(word, 1, __ATOMIC_RELAXED);
      const std::int64_t now_ns = monotonic_raw_ns();
      longest_ns = std::max(longest_ns.load(), now_ns - last_ns);
      last_ns = now_ns;
    }
  });
  const double held_ns = hold->hold_next_store(20e6, 10'000);
  stop = true;
  writer.join();
  EXPECT_GE(held_ns, 20e6);
  // The holder's own figure ends when it has its CPU again, which may be after the writer went on.
  EXPECT_GE(static_cast<double>(longest_ns), 20e6) << "the writer stood all the while";
  hold.reset();
  munmap(page, kPageBytes);
}

TEST(UserfaultHold, SaysWhenNobodyStores) {
  std::byte* page = map_page();
  try {
    UserfaultHold hold(page, kPageBytes);
    EXPECT_THROW(hold.hold_next_store(0, 1), std::runtime_error);
    *reinterpret_cast<volatile char*>(page) = 2;  // and the page is free again
  } catch (const CannotPerform& obstacle) {
    GTEST_SKIP() << obstacle.what();
  }
  munmap(page, kPageBytes);
}

TEST(UserfaultHold, RefusesMemoryThatItCannotHold) {
  EXPECT_THROW(UserfaultHold(nullptr, kPageBytes), CannotPerform);
}

TEST(WaitSince, WaitsAtLeastSoLong) {
  const std::int64_t start_ns = monotonic_raw_ns();
  wait_since(start_ns, 400e3);
  EXPECT_GE(monotonic_raw_ns() - start_ns, 400'000);
}

}  // namespace
}  // namespace notifier
