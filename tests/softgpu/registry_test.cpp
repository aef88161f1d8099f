// SPDX-License-Identifier: MIT
#include "softgpu/core/registry.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace softgpu {
namespace {

constexpr std::uintptr_t kHost = 0x100000;
constexpr std::uintptr_t kDevice = 0x900000;

std::unique_ptr<Range> make_range(std::size_t pages, RangeKind kind = RangeKind::kUserptr) {
  auto range = std::make_unique<Range>();
  range->kind = kind;
  range->pointer = kHost;
  range->size_bytes = pages * kPageSize;
  range->host_begin = kHost;
  range->device_begin = kDevice;
  range->page_count = pages;
  range->entries.reset(new std::uint64_t[pages]());
  for (std::size_t page = 0; page < pages; ++page) {
    range->entries[page] = Pte::make(1000 + page, true);
  }
  range->pages = RangePages::kAllWritable;
  return range;
}

std::uintptr_t device_page(std::size_t page) { return kDevice + page * kPageSize; }

class RegistryTest : public testing::Test {
 protected:
  ~RegistryTest() override { registry_.erase(*range_); }

  void add(std::unique_ptr<Range> range) {
    range_ = std::move(range);
    registry_.insert(*range_);
  }

  Registry registry_;
  std::unique_ptr<Range> range_;
};

TEST_F(RegistryTest, WholeRangeIsOneTranslation) {
  add(make_range(8));
  const TranslationResult result = registry_.translate(device_page(3) + 8, Access::kWrite);
  ASSERT_FALSE(result.fault);
  EXPECT_EQ(result.translation.device_begin, kDevice);
  EXPECT_EQ(result.translation.size, 8 * kPageSize);
  EXPECT_EQ(result.translation.writable_size, 8 * kPageSize);
  EXPECT_EQ(device_page(3) + result.translation.delta, kHost + 3 * kPageSize);
}

TEST_F(RegistryTest, UnknownAddressesAreNotMapped) {
  add(make_range(8));
  EXPECT_EQ(registry_.translate(kDevice - 8, Access::kRead).fault, TranslationFault::kNotMapped);
  EXPECT_EQ(registry_.translate(device_page(8), Access::kRead).fault, TranslationFault::kNotMapped);
  EXPECT_EQ(registry_.translate(kHost, Access::kRead).fault, TranslationFault::kNotMapped);
}

TEST_F(RegistryTest, InvalidatedRangesAreTold) {
  add(make_range(8));
  range_->invalid = 1;
  EXPECT_EQ(registry_.translate(device_page(0), Access::kRead).fault,
            TranslationFault::kInvalidated);
}

TEST_F(RegistryTest, TranslationsEndAtPagesWithOtherRights) {
  add(make_range(8, RangeKind::kSvm));
  range_->pages = RangePages::kMixed;
  range_->entries[2] = Pte::make(1, false);
  range_->entries[3] = Pte::make(2, false);
  range_->entries[6] = Pte::kUnmapped;

  const TranslationResult read_only = registry_.translate(device_page(3), Access::kRead);
  ASSERT_FALSE(read_only.fault);
  EXPECT_EQ(read_only.translation.writable_size, 0u);
  EXPECT_EQ(registry_.translate(device_page(3), Access::kWrite).fault, TranslationFault::kReadOnly);

  const TranslationResult writable = registry_.translate(device_page(4), Access::kWrite);
  ASSERT_FALSE(writable.fault);
  EXPECT_EQ(writable.translation.device_begin, device_page(4));
  EXPECT_EQ(writable.translation.size, 2 * kPageSize);

  EXPECT_EQ(registry_.translate(device_page(6), Access::kRead).fault, TranslationFault::kNotMapped);
}

TEST_F(RegistryTest, PagelessRangeIsNotMapped) {
  add(make_range(2));
  range_->entries[0] = range_->entries[1] = 0;
  range_->pages = RangePages::kNone;
  EXPECT_EQ(registry_.translate(device_page(0), Access::kRead).fault, TranslationFault::kNotMapped);
}

TEST_F(RegistryTest, StaleCopyReplacesItsPageOnly) {
  add(make_range(4));
  range_->stale_page = 1;
  range_->stale_copy = 0x500000;
  const Translation stale = registry_.translate(device_page(1) + 16, Access::kWrite).translation;
  EXPECT_EQ(device_page(1) + stale.delta, 0x500000u);
  EXPECT_EQ(stale.size, kPageSize);
  const Translation before = registry_.translate(device_page(0), Access::kWrite).translation;
  EXPECT_EQ(before.size, kPageSize);
  const Translation after = registry_.translate(device_page(3), Access::kWrite).translation;
  EXPECT_EQ(after.device_begin, device_page(2));
  EXPECT_EQ(after.size, 2 * kPageSize);
}

TEST_F(RegistryTest, OverlapIsInBytesNotPages) {
  auto range = make_range(1);
  range->pointer = kHost + 100;
  range->size_bytes = 100;
  add(std::move(range));
  EXPECT_TRUE(registry_.overlaps_bytes(kHost + 150, 1000));
  EXPECT_TRUE(registry_.overlaps_bytes(kHost, 101));
  EXPECT_FALSE(registry_.overlaps_bytes(kHost, 100));
  EXPECT_FALSE(registry_.overlaps_bytes(kHost + 200, 8));
}

TEST_F(RegistryTest, PagesThatAnSvmRangeHasLostDoNotOverlap) {
  add(make_range(4, RangeKind::kSvm));
  range_->has_unmapped = true;
  range_->entries[1] = range_->entries[2] = Pte::kUnmapped;
  EXPECT_FALSE(registry_.overlaps_bytes(kHost + kPageSize, 2 * kPageSize));
  EXPECT_TRUE(registry_.overlaps_bytes(kHost + kPageSize, 2 * kPageSize + 1));
}

TEST_F(RegistryTest, HostLookupMeansTheMemoryThatIsThereNow) {
  add(make_range(4, RangeKind::kSvm));
  for (std::size_t page = 0; page < 4; ++page) range_->entries[page] = Pte::kUnmapped;
  range_->has_unmapped = true;
  const auto newer = make_range(4);
  newer->device_begin = kDevice + 64 * kPageSize;
  registry_.insert(*newer);
  EXPECT_EQ(registry_.find_host(kHost + kPageSize), newer.get());
  registry_.erase(*newer);
  EXPECT_EQ(registry_.find_host(kHost), range_.get()) << "to be freed, though its pages are gone";
}

TEST_F(RegistryTest, HostLookupIsExact) {
  auto range = make_range(1);
  range->pointer = kHost + 100;
  range->size_bytes = 100;
  add(std::move(range));
  EXPECT_EQ(registry_.find_host(kHost + 199), range_.get());
  EXPECT_EQ(registry_.find_host(kHost + 200), nullptr);
  EXPECT_EQ(registry_.find_host(kHost + 99), nullptr);
}

}  // namespace
}  // namespace softgpu
