// SPDX-License-Identifier: MIT
#include "smaps.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace notifier {
namespace {

constexpr char kTwoMappings[] =
    "7f0000000000-7f0000200000 rw-p 00000000 00:00 0 \n"
    "Size:               2048 kB\n"
    "KernelPageSize:        4 kB\n"
    "MMUPageSize:           4 kB\n"
    "Rss:                2048 kB\n"
    "Private_Dirty:      2044 kB\n"
    "Anonymous:          2048 kB\n"
    "KSM:                   8 kB\n"
    "AnonHugePages:      2048 kB\n"
    "Swap:                  4 kB\n"
    "THPeligible:           1\n"
    "ProtectionKey:         0\n"
    "VmFlags: rd wr mr mw me dc ac sd hg \n"
    "7f0000400000-7f0000800000 rw-s 00001000 00:0f 123456      /dev/shm/a b (deleted)\n"
    "Size:               4096 kB\n"
    "KernelPageSize:     2048 kB\n"
    "Rss:                   0 kB\n"
    "Shared_Hugetlb:     4096 kB\n"
    "Private_Hugetlb:    2048 kB\n"
    "VmFlags: rd wr sh mr mw me ms ht \n";

TEST(Smaps, EveryFieldOfADocumentedText) {
  const auto mappings = parse_smaps(kTwoMappings);
  ASSERT_EQ(mappings.size(), 2u);
  const MemoryMapping& huge = mappings[0];
  EXPECT_EQ(huge.begin, 0x7f0000000000u);
  EXPECT_EQ(huge.size_bytes(), 2u << 20);
  EXPECT_TRUE(huge.readable && huge.writable);
  EXPECT_FALSE(huge.shared);
  EXPECT_EQ(huge.name, "");
  EXPECT_EQ(huge.resident_bytes, 2u << 20);
  EXPECT_EQ(huge.private_dirty_bytes, 2044u << 10);
  EXPECT_EQ(huge.anonymous_huge_bytes, 2u << 20);
  EXPECT_EQ(huge.ksm_bytes, 8u << 10);
  EXPECT_EQ(huge.swap_bytes, 4u << 10);
  EXPECT_EQ(huge.kernel_page_bytes, 4096u);
  EXPECT_TRUE(huge.has_flag("dc") && huge.has_flag("hg"));
  EXPECT_FALSE(huge.has_flag("sh"));
  const MemoryMapping& hugetlb = mappings[1];
  EXPECT_TRUE(hugetlb.shared);
  EXPECT_EQ(hugetlb.file_offset, 0x1000u);
  EXPECT_EQ(hugetlb.inode, 123456u);
  EXPECT_EQ(hugetlb.name, "/dev/shm/a b (deleted)");
  EXPECT_EQ(hugetlb.hugetlb_bytes, 6u << 20);
  EXPECT_EQ(hugetlb.kernel_page_bytes, 2u << 20);
}

TEST(Smaps, OtherTextIsRefused) {
  EXPECT_THROW(parse_smaps("Rss: 5 kB\n"), std::runtime_error);
  EXPECT_THROW(parse_smaps("hello\n"), std::runtime_error);
  EXPECT_THROW(parse_smaps("7f-80 rw-p 0 00:00 0\nRss: x kB\n"), std::runtime_error);
  EXPECT_TRUE(parse_smaps("").empty());
}

TEST(Smaps, OnlyMappingsThatOverlapAreParsed) {
  const char* text =
      "1000-3000 rw-p 0 00:00 0\nRss: 4 kB\n"
      "3000-4000 rw-p 0 00:00 0\nRss: 8 kB\nVmFlags: dc\n"
      "a000-b000 rw-p 0 00:00 0\nRss: nonsense kB\n";
  const std::vector<MemoryMapping> found = parse_smaps(text, 0x2fff, 0x3001);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].resident_bytes, 4096u);
  EXPECT_EQ(found[1].resident_bytes, 8192u);
  EXPECT_TRUE(found[1].has_flag("dc"));
  EXPECT_TRUE(parse_smaps(text, 0x4000, 0xa000).empty());
  EXPECT_THROW(parse_smaps(text), std::runtime_error);
}

TEST(RangeBacking, HolesPartsAndFork) {
  const auto mappings = parse_smaps(kTwoMappings);
  const RangeBacking first = summarise_backing(mappings, 0x7f0000000000, 2 << 20);
  EXPECT_TRUE(first.fully_mapped);
  EXPECT_TRUE(first.covers_whole_mappings);
  EXPECT_FALSE(first.copied_on_fork);
  EXPECT_EQ(first.huge_bytes, 2u << 20);
  EXPECT_FALSE(heartbeat_hazard(first).has_value());
  const RangeBacking both = summarise_backing(mappings, 0x7f0000000000, 8 << 20);
  EXPECT_FALSE(both.fully_mapped);
  EXPECT_EQ(both.mapped_bytes, 6u << 20);
  EXPECT_FALSE(both.every_part_has_dontcopy);
  EXPECT_EQ(heartbeat_hazard(both), "part of it is not mapped");
  const RangeBacking part = summarise_backing(mappings, 0x7f0000001000, 4096);
  EXPECT_TRUE(part.fully_mapped);
  EXPECT_FALSE(part.covers_whole_mappings);
  const RangeBacking nothing = summarise_backing(mappings, 0x1000, 4096);
  EXPECT_FALSE(nothing.fully_mapped || nothing.every_part_shared || nothing.covers_whole_mappings);
}

// A mapping of this process, with the page before and after it left unmapped so that the kernel
// cannot merge it with a neighbour.
class LiveMapping {
 public:
  LiveMapping(std::size_t size_bytes, int flags) : size_bytes_(size_bytes) {
    const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    whole_bytes_ = size_bytes + 2 * page;
    whole_ = static_cast<char*>(
        ::mmap(nullptr, whole_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    begin_ = ::mmap(whole_ + page, size_bytes, PROT_READ | PROT_WRITE,
                    flags | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  }
  ~LiveMapping() { ::munmap(whole_, whole_bytes_); }
  LiveMapping(const LiveMapping&) = delete;
  LiveMapping& operator=(const LiveMapping&) = delete;
  void* begin() const { return begin_; }
  RangeBacking backing() const { return read_backing(begin_, size_bytes_); }

 private:
  std::size_t size_bytes_;
  std::size_t whole_bytes_ = 0;
  char* whole_ = nullptr;
  void* begin_ = nullptr;
};

constexpr std::size_t kSize = 1 << 20;

TEST(LiveSmaps, ResidencyFollowsTheTouch) {
  const LiveMapping mapping(kSize, MAP_PRIVATE);
  ASSERT_EQ(::madvise(mapping.begin(), kSize, MADV_NOHUGEPAGE), 0);
  EXPECT_EQ(mapping.backing().resident_bytes, 0u);
  std::memset(mapping.begin(), 1, kSize / 2);
  const RangeBacking half = mapping.backing();
  EXPECT_TRUE(half.fully_mapped && half.covers_whole_mappings && half.copied_on_fork);
  EXPECT_EQ(half.resident_bytes, kSize / 2);
  EXPECT_EQ(half.huge_bytes, 0u);
  EXPECT_EQ(half.smallest_kernel_page_bytes, static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  ASSERT_EQ(::madvise(mapping.begin(), kSize, MADV_DONTNEED), 0);
  EXPECT_EQ(mapping.backing().resident_bytes, 0u);
}

TEST(LiveSmaps, DontforkAndSharedAreSafeForHeartbeats) {
  const LiveMapping shared(kSize, MAP_SHARED);
  EXPECT_TRUE(shared.backing().every_part_shared);
  EXPECT_FALSE(heartbeat_hazard(shared.backing()).has_value());
  const LiveMapping private_mapping(kSize, MAP_PRIVATE);
  EXPECT_TRUE(heartbeat_hazard(private_mapping.backing()).has_value());
  ASSERT_EQ(::madvise(private_mapping.begin(), kSize / 2, MADV_DONTFORK), 0);
  EXPECT_TRUE(heartbeat_hazard(private_mapping.backing()).has_value());
  ASSERT_EQ(::madvise(private_mapping.begin(), kSize, MADV_DONTFORK), 0);
  EXPECT_FALSE(heartbeat_hazard(private_mapping.backing()).has_value());
  EXPECT_TRUE(private_mapping.backing().every_part_has_dontcopy);
}

TEST(LiveSmaps, ReadOnlyPrivateMemoryIsStillCopied) {
  const LiveMapping mapping(kSize, MAP_PRIVATE);
  std::memset(mapping.begin(), 1, kSize);
  ASSERT_EQ(::mprotect(mapping.begin(), kSize, PROT_READ), 0);
  EXPECT_TRUE(mapping.backing().copied_on_fork);
}

}  // namespace
}  // namespace notifier
