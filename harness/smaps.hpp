// SPDX-License-Identifier: MIT
// What really lies behind a range of this process's memory, from /proc/self/smaps. An event changes
// the backing (64 MiB of huge pages are base pages for good after one COW restore), so it is
// verified before each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace notifier {

// One VMA. Sizes in bytes; a field that the kernel does not print is 0.
struct MemoryMapping {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool readable = false;
  bool writable = false;
  bool shared = false;  // mapped MAP_SHARED
  std::uint64_t file_offset = 0;
  std::uint64_t inode = 0;
  std::string name;  // path, [heap], [anon:...] or empty
  std::uint64_t resident_bytes = 0;
  std::uint64_t private_dirty_bytes = 0;
  std::uint64_t swap_bytes = 0;
  std::uint64_t ksm_bytes = 0;
  std::uint64_t anonymous_bytes = 0;
  std::uint64_t anonymous_huge_bytes = 0;  // AnonHugePages: mapped by a PMD
  std::uint64_t shmem_huge_bytes = 0;      // ShmemPmdMapped
  std::uint64_t hugetlb_bytes = 0;         // Private_Hugetlb + Shared_Hugetlb
  std::uint64_t kernel_page_bytes = 0;     // KernelPageSize: larger than a page only for hugetlb
  std::vector<std::string> flags;          // VmFlags, two letters each

  /// VmFlags: "dc" do not copy on fork, "sh" shared, "hg" huge pages advised, "nh" not, "wf" wipe
  /// on fork, "mg" mergeable, "lo" locked.
  bool has_flag(std::string_view flag) const;
  std::uint64_t size_bytes() const { return end - begin; }
};

/// Throws std::runtime_error for text that is not smaps.
std::vector<MemoryMapping> parse_smaps(std::string_view text);
/// Those only that overlap [first, last).
std::vector<MemoryMapping> parse_smaps(std::string_view text, std::uint64_t first,
                                       std::uint64_t last);

/// The mappings of this process that overlap [begin, begin + size_bytes). Reads all of smaps, which
/// walks the page tables of every mapping and takes mmap_lock: never call it while time is taken.
std::vector<MemoryMapping> read_smaps(const void* begin, std::size_t size_bytes);

// A range as a whole.
struct RangeBacking {
  bool fully_mapped = false;    // no hole
  bool copied_on_fork = false;  // some part is private, writable and not DONTFORK
  bool every_part_has_dontcopy = false;
  bool every_part_shared = false;
  std::uint64_t mapped_bytes = 0;
  // Of the mappings that overlap the range; exact for the range only where it covers them.
  bool covers_whole_mappings = false;
  std::uint64_t resident_bytes = 0;
  std::uint64_t swap_bytes = 0;
  std::uint64_t ksm_bytes = 0;
  std::uint64_t huge_bytes = 0;  // by PMD, anonymous or shmem
  std::uint64_t hugetlb_bytes = 0;
  std::uint64_t smallest_kernel_page_bytes = 0;
};

RangeBacking summarise_backing(const std::vector<MemoryMapping>& mappings, std::uint64_t begin,
                               std::uint64_t size_bytes);
RangeBacking read_backing(const void* begin, std::size_t size_bytes);

/// Why memory that a wave writes its heartbeat to may be copied by fork (kfd_facts §7), or nothing
/// if it cannot: every part has to be shared or DONTFORK.
std::optional<std::string> heartbeat_hazard(const RangeBacking& backing);

}  // namespace notifier
