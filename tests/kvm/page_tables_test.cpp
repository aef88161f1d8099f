// SPDX-License-Identifier: MIT
#include "softgpu/kvm/page_tables.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace softgpu::kvm {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kLarge = 2ull << 20;
constexpr std::uint64_t kPoolPhysical = 0x2000000;

/// Walks as a CPU does (AMD APM vol. 2, 5.3). 0: not present.
std::uint64_t walk(const std::vector<std::uint64_t>& pool, std::uint64_t address) {
  std::uint64_t table = kPoolPhysical;
  for (int level = 3;; --level) {
    const std::uint64_t index = (address >> (12 + 9 * level)) & 511;
    const std::uint64_t entry = pool[(table - kPoolPhysical) / 8 + index];
    if ((entry & 1) == 0) return 0;
    if (level == 0) return (entry & ~0xFFFull) | (address & 0xFFF);
    if ((entry & 0x80) != 0) {
      EXPECT_EQ(level, 1);
      return (entry & ~(kLarge - 1)) | (address & (kLarge - 1));
    }
    table = entry & ~0xFFFull;
  }
}

struct Bed {
  explicit Bed(std::size_t tables)
      : pool(tables * 512),
        mapped(reinterpret_cast<unsigned char*>(pool.data()), tables * kPage, kPoolPhysical) {}
  std::vector<std::uint64_t> pool;
  PageTables mapped;
};

TEST(PageTables, MapsSmallPages) {
  Bed bed(8);
  ASSERT_TRUE(bed.mapped.map(0x7000, 0x100003000, 2 * kPage));
  EXPECT_EQ(walk(bed.pool, 0x7008), 0x100003008U);
  EXPECT_EQ(walk(bed.pool, 0x8FF8), 0x100004FF8U);
  EXPECT_EQ(walk(bed.pool, 0x9000), 0U);
  EXPECT_EQ(walk(bed.pool, 0x6FF8), 0U);
}

TEST(PageTables, LargePagesTakeThreeTables) {
  Bed bed(3);
  ASSERT_TRUE(bed.mapped.map(kLarge, 4 * kLarge, 3 * kLarge));
  EXPECT_EQ(walk(bed.pool, 2 * kLarge + 12345), 5 * kLarge + 12345);
}

TEST(PageTables, FullPoolsAreTold) {
  Bed bed(3);
  EXPECT_FALSE(bed.mapped.map(0x7000, 0x100003000, kPage));
}

TEST(PageTables, AgreesWithAModel) {
  Bed bed(600);
  std::map<std::uint64_t, std::uint64_t> model;  // page to page
  std::mt19937_64 random(20260101);
  constexpr std::uint64_t kPages = 4096;
  constexpr std::uint64_t kBase = 0x7F0000000000;
  for (int step = 0; step < 200; ++step) {
    const bool large = random() % 4 == 0;
    const std::uint64_t unit = large ? 512 : 1;
    const std::uint64_t first = random() % (kPages / unit) * unit;
    const std::uint64_t count = std::min(kPages - first, (1 + random() % 3) * unit);
    if (random() % 3 == 0) {
      bed.mapped.unmap(kBase + first * kPage, count * kPage);
      for (std::uint64_t page = first; page < first + count; ++page) model.erase(page);
    } else {
      const std::uint64_t physical = (1ull << 32) + random() % 512 * unit * kPage;
      ASSERT_TRUE(bed.mapped.map(kBase + first * kPage, physical, count * kPage));
      for (std::uint64_t page = 0; page < count; ++page) {
        model[first + page] = physical + page * kPage;
      }
    }
    for (std::uint64_t page = 0; page < kPages; ++page) {
      const auto found = model.find(page);
      const std::uint64_t expected = found == model.end() ? 0 : found->second;
      ASSERT_EQ(walk(bed.pool, kBase + page * kPage), expected) << step << ' ' << page;
      ASSERT_EQ(bed.mapped.is_mapped(kBase + page * kPage), expected != 0);
    }
  }
}

}  // namespace
}  // namespace softgpu::kvm
