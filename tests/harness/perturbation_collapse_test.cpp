// SPDX-License-Identifier: MIT
// MADV_COLLAPSE beside somebody who holds a page: a pipe, by vmsplice.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "harness/file_descriptor.hpp"
#include "harness/huge_pages.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_proofs.hpp"
#include "harness/smaps.hpp"

namespace notifier {
namespace {

constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

class HeldPages : public ::testing::Test {
 protected:
  /// Two huge pages' worth of base pages, aligned.
  void SetUp() override {
    if (!kernel_can_collapse()) {
      GTEST_SKIP() << "the kernel has no MADV_COLLAPSE (Linux 6.1)";
    }
    area_ = mmap(nullptr, 3 * kHugePageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                 -1, 0);
    ASSERT_NE(area_, MAP_FAILED);
    const auto address = reinterpret_cast<std::uintptr_t>(area_);
    event_.slice = static_cast<std::byte*>(area_) + (-address & (kHugePageBytes - 1));
    event_.slice_bytes = 2 * kHugePageBytes;
    keep_base_pages(event_.slice, event_.slice_bytes);
    std::memset(event_.slice, 1, event_.slice_bytes);
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    read_end_ = FileDescriptor(ends[0]);
    write_end_ = FileDescriptor(ends[1]);
    perturbation_calls::prepare_collapse(event_);
  }
  void TearDown() override { munmap(area_, 3 * kHugePageBytes); }

  void hold_a_page_of(std::size_t huge_page) {
    const iovec page{event_.slice + huge_page * kHugePageBytes, 4096};
    ASSERT_EQ(vmsplice(write_end_.get(), &page, 1, 0), 4096);
  }

  EventContext event_;

 private:
  void* area_ = MAP_FAILED;
  FileDescriptor read_end_;
  FileDescriptor write_end_;
};

TEST_F(HeldPages, OneHeldPageLeavesTheOtherHugePage) {
  hold_a_page_of(1);
  perturbation_calls::perform_collapse(event_);
  EXPECT_EQ(read_backing(event_.slice, event_.slice_bytes).huge_bytes, kHugePageBytes);
  EXPECT_TRUE(happened(*find_perturbation("collapse"), event_));
}

TEST_F(HeldPages, WithAllHeldNothingHasHappened) {
  hold_a_page_of(0);
  hold_a_page_of(1);
  perturbation_calls::perform_collapse(event_);
  EXPECT_FALSE(happened(*find_perturbation("collapse"), event_));
}

}  // namespace
}  // namespace notifier
