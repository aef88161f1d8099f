// SPDX-License-Identifier: MIT
#include "softgpu/core/proc_maps.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace softgpu {
namespace {

TEST(ParseVmaLine, ReadsBoundsAndRights) {
  Vma vma;
  ASSERT_TRUE(parse_vma_line("7f0000000000-7f0000001000 rw-p 00000000 00:00 0 ", vma));
  EXPECT_EQ(vma.begin, 0x7f0000000000u);
  EXPECT_EQ(vma.end, 0x7f0000001000u);
  EXPECT_TRUE(vma.readable);
  EXPECT_TRUE(vma.writable);
  EXPECT_FALSE(vma.executable);
  EXPECT_FALSE(vma.shared);
  EXPECT_EQ(vma.path, "");
}

TEST(ParseVmaLine, ReadsSharedMappingsAndPaths) {
  Vma vma;
  ASSERT_TRUE(parse_vma_line("1000-2000 r-xs 00002000 08:01 17   /tmp/a file", vma));
  EXPECT_FALSE(vma.writable);
  EXPECT_TRUE(vma.executable);
  EXPECT_TRUE(vma.shared);
  EXPECT_EQ(vma.file_offset, 0x2000u);
  EXPECT_EQ(vma.device_major, 8u);
  EXPECT_EQ(vma.device_minor, 1u);
  EXPECT_EQ(vma.inode, 17u);
  EXPECT_EQ(vma.path, "/tmp/a file");
}

TEST(ParseVmaLine, LeavesOtherLinesAlone) {
  Vma vma;
  vma.begin = 1;
  for (const char* line : {"", "Size:   4 kB", "abc", "1000-", "1000-2000", "1000-2000 rw",
                           "VmFlags: rd wr mr mw me ac"}) {
    EXPECT_FALSE(parse_vma_line(line, vma)) << line;
  }
  EXPECT_EQ(vma.begin, 1u);
}

TEST(HasVmFlag, MatchesWholeFlags) {
  constexpr std::string_view kFlags = " rd wr mr mw me dc ac";
  EXPECT_TRUE(has_vm_flag(kFlags, "dc"));
  EXPECT_TRUE(has_vm_flag(kFlags, "ac"));
  EXPECT_FALSE(has_vm_flag(kFlags, "sh"));
  EXPECT_FALSE(has_vm_flag(" xdc dcx", "dc"));
}

TEST(ProcLines, KeepsLinesWholeAcrossReads) {
  const std::string path = testing::TempDir() + "softgpu_proc_lines";
  constexpr int kLines = 5000;
  {
    std::ofstream file(path);
    for (int line = 0; line < kLines; ++line) {
      file << "line " << line << "\n";
    }
  }
  ProcLines lines(path.c_str());
  std::string_view line;
  int count = 0;
  while (lines.next(line)) {
    ASSERT_EQ(line, "line " + std::to_string(count));
    ++count;
  }
  EXPECT_EQ(count, kLines);
  std::remove(path.c_str());
}

TEST(ProcLines, LineLongerThanTheBufferDoesNotEndTheFile) {
  const std::string path = testing::TempDir() + "softgpu_long_line";
  std::ofstream(path) << std::string(100'000, 'x') << "\nlast\n";
  ProcLines lines(path.c_str());
  std::string_view line;
  std::string last;
  while (lines.next(line)) {
    last = line;
  }
  EXPECT_EQ(last, "last");
  std::remove(path.c_str());
}

TEST(ForEachVma, SeesTheProcessAsItIs) {
  constexpr std::size_t kSize = 3 * 4096;
  void* memory = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  ASSERT_EQ(mprotect(static_cast<char*>(memory) + 4096, 4096, PROT_READ), 0);
  std::string rights;
  ASSERT_TRUE(for_each_vma(begin, begin + kSize,
                           [&](const Vma& vma) { rights += vma.writable ? 'w' : '-'; }));
  EXPECT_EQ(rights, "w-w");

  ASSERT_EQ(madvise(memory, 4096, MADV_DONTFORK), 0);
  bool dontfork = false;
  ASSERT_TRUE(for_each_vma_with_flags([&](const Vma& vma, std::string_view flags) {
    dontfork = dontfork || (vma.begin == begin && has_vm_flag(flags, "dc"));
  }));
  EXPECT_TRUE(dontfork);
  munmap(memory, kSize);
}

}  // namespace
}  // namespace softgpu
