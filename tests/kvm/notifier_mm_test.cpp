// SPDX-License-Identifier: MIT
// What notifier_mm measures with: vCPUs that go round the pages, and the calls.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <optional>

#include "bench/notifier_calls.hpp"
#include "bench/notifier_sweepers.hpp"

namespace notifier {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kPages = 4;

class SweepersTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = why_no_secondary_mmu(); !why.empty()) {
      GTEST_SKIP() << why;
    }
    memory_ = map_call_memory(kPages * kPageBytes, false);
    populate(*memory_);
  }
  void TearDown() override {
    if (memory_) {
      unmap_call_memory(*memory_);
    }
  }
  std::uint64_t swept_word(std::size_t page) const {
    return __atomic_load_n(
        reinterpret_cast<std::uint64_t*>(memory_->begin + page * kPageBytes) + kSweepWord,
        __ATOMIC_RELAXED);
  }
  void clear_words() const {
    for (std::size_t page = 0; page < kPages; ++page) {
      __atomic_store_n(
          reinterpret_cast<std::uint64_t*>(memory_->begin + page * kPageBytes) + kSweepWord,
          kCleared, __ATOMIC_RELAXED);
    }
  }
  static constexpr std::uint64_t kCleared = ~std::uint64_t{0};
  std::optional<CallMemory> memory_;
};

TEST_F(SweepersTest, WriteEveryPageWhenTheyAreToldTo) {
  Sweepers sweepers(1, 2, memory_->begin, memory_->size_bytes);
  clear_words();
  sweepers.give(kSweepWrite);
  sweepers.wait_round();
  for (std::size_t page = 0; page < kPages; ++page) {
    EXPECT_NE(swept_word(page), kCleared) << page;
  }
}

TEST_F(SweepersTest, WriteNothingWhenTheyReadOrStayAway) {
  Sweepers sweepers(2, 1, memory_->begin, memory_->size_bytes);
  for (const SweepOrder order : {kSweepRead, kSweepAway}) {
    sweepers.give(kSweepWrite);
    sweepers.wait_round();
    sweepers.give(order);
    clear_words();
    sweepers.wait_round();
    for (std::size_t page = 0; page < kPages; ++page) {
      EXPECT_EQ(swept_word(page), kCleared) << page;
    }
  }
}

TEST_F(SweepersTest, StayOffMemoryThatIsGone) {
  Sweepers sweepers(1, 1, memory_->begin, memory_->size_bytes);
  sweepers.give(kSweepWrite);
  sweepers.wait_round();
  sweepers.give(kSweepAway);
  ASSERT_EQ(mprotect(memory_->begin, memory_->size_bytes, PROT_NONE), 0);
  sweepers.wait_round();  // a vCPU that touched it would end the process
  ASSERT_EQ(mprotect(memory_->begin, memory_->size_bytes, PROT_READ | PROT_WRITE), 0);
}

TEST_F(SweepersTest, ANewOrderStartsTheLongestGapAnew) {
  Sweepers sweepers(1, 1, memory_->begin, memory_->size_bytes);
  sweepers.give(kSweepWrite);
  sweepers.wait_round();
  EXPECT_GT(sweepers.longest_gap_ns(), 0U);
  const std::uint64_t before = sweepers.longest_gap_ns();
  // The gap can only grow until the next order.
  sweepers.wait_round();
  EXPECT_GE(sweepers.longest_gap_ns(), before);
}

TEST_F(SweepersTest, EveryCallIsMadeAndLeavesTheMemoryUsable) {
  Sweepers sweepers(1, 1, memory_->begin, memory_->size_bytes);
  for (const MmCall& call : mm_calls()) {
    if (!call.unavailable().empty()) continue;
    for (int event = 0; event < 2; ++event) {
      populate(*memory_);
      sweepers.give(call.order);
      call.prepare(*memory_);
      const std::uint64_t before = call.pages_so_far != nullptr ? call.pages_so_far() : 0;
      ASSERT_TRUE(call.perform(*memory_)) << call.name;
      if (call.pages_so_far != nullptr) {
        EXPECT_GE(call.pages_so_far(), before) << call.name;
      }
      sweepers.wait_round();
      sweepers.give(kSweepAway);
      call.finish(*memory_);
      populate(*memory_);
      EXPECT_EQ(wrong_pages(*memory_), "") << call.name;
    }
  }
}

// Without a vCPU nothing keeps a page from going.
TEST(MmCalls, CountThePagesTheyTake) {
  const CallMemory memory = map_call_memory(kPages * kPageBytes, false);
  for (const MmCall& call : mm_calls()) {
    if (call.pages_so_far == nullptr || !call.unavailable().empty()) continue;
    populate(memory);
    call.prepare(memory);
    const std::uint64_t before = call.pages_so_far();
    ASSERT_TRUE(call.perform(memory)) << call.name;
    EXPECT_GE(call.pages_so_far() - before, kPages) << call.name;
    call.finish(memory);
  }
  unmap_call_memory(memory);
}

TEST(CallMemory, IsMadeOfHugePagesOrOfNone) {
  constexpr std::size_t kHugeBytes = 2u << 20;
  const CallMemory base = map_call_memory(kHugeBytes, false);
  populate(base);
  EXPECT_EQ(wrong_pages(base), "");
  // Told that it should be huge, it is not.
  EXPECT_EQ(wrong_pages({base.begin, base.size_bytes, true}),
            "0 KiB instead of 2048 KiB are huge pages");
  unmap_call_memory(base);
}

}  // namespace
}  // namespace notifier
