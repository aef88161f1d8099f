// SPDX-License-Identifier: MIT
#include "smaps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <stdexcept>

#include "system_view.hpp"

namespace notifier {
namespace {

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, value, 16);
  if (error != std::errc() || next != end || text.empty()) return std::nullopt;
  return value;
}

// "7f12-7f34 rw-p 00000000 00:00 0    name with blanks" (fs/proc/task_mmu.c show_map_vma).
std::optional<MemoryMapping> parse_header(const std::string& line) {
  const std::vector<std::string> words = split_words(line);
  if (words.size() < 5 || words[1].size() != 4) return std::nullopt;
  const std::size_t dash = words[0].find('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto begin = parse_hex(std::string_view(words[0]).substr(0, dash));
  const auto end = parse_hex(std::string_view(words[0]).substr(dash + 1));
  const auto offset = parse_hex(words[2]);
  const auto inode = parse_integer(words[4]);
  if (!begin || !end || !offset || !inode || *end < *begin) return std::nullopt;
  MemoryMapping mapping;
  mapping.begin = *begin;
  mapping.end = *end;
  mapping.readable = words[1][0] == 'r';
  mapping.writable = words[1][1] == 'w';
  mapping.shared = words[1][3] == 's';
  mapping.file_offset = *offset;
  mapping.inode = static_cast<std::uint64_t>(*inode);
  if (words.size() > 5) mapping.name = line.substr(line.find(words[5], line.find(words[3]) + 5));
  return mapping;
}

void add_size(MemoryMapping& mapping, std::string_view key, std::uint64_t bytes) {
  if (key == "Rss") mapping.resident_bytes = bytes;
  if (key == "Private_Dirty") mapping.private_dirty_bytes = bytes;
  if (key == "Swap") mapping.swap_bytes = bytes;
  if (key == "KSM") mapping.ksm_bytes = bytes;
  if (key == "Anonymous") mapping.anonymous_bytes = bytes;
  if (key == "AnonHugePages") mapping.anonymous_huge_bytes = bytes;
  if (key == "ShmemPmdMapped") mapping.shmem_huge_bytes = bytes;
  if (key == "Private_Hugetlb" || key == "Shared_Hugetlb") mapping.hugetlb_bytes += bytes;
  if (key == "KernelPageSize") mapping.kernel_page_bytes = bytes;
}

bool add_detail(MemoryMapping& mapping, const std::string& line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos) return false;
  const std::string key = line.substr(0, colon);
  const std::vector<std::string> words = split_words(line.substr(colon + 1));
  if (key == "VmFlags") {
    mapping.flags = words;
    return true;
  }
  if (words.size() == 2 && words[1] == "kB") {
    const auto kib = parse_integer(words[0]);
    if (!kib || *kib < 0) return false;
    add_size(mapping, key, static_cast<std::uint64_t>(*kib) * 1024);
  }
  return true;  // THPeligible, ProtectionKey and whatever comes
}

/// Addresses are in small letters, names of details begin with a capital.
bool is_header(std::string_view line) {
  const unsigned char first = line.empty() ? 0 : static_cast<unsigned char>(line.front());
  return std::isdigit(first) != 0 || std::islower(first) != 0;
}

[[noreturn]] void refuse(std::string_view line) {
  throw std::runtime_error(fmt::format("not a line of smaps: '{}'", line));
}

}  // namespace

bool MemoryMapping::has_flag(std::string_view flag) const {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

std::vector<MemoryMapping> parse_smaps(std::string_view text) {
  return parse_smaps(text, 0, std::numeric_limits<std::uint64_t>::max());
}

// A process has a hundred mappings, of which one or two matter to an event: the lines of the others
// are passed over, or parsing takes more time than everything else.
std::vector<MemoryMapping> parse_smaps(std::string_view text, std::uint64_t first,
                                       std::uint64_t last) {
  std::vector<MemoryMapping> mappings;
  bool wanted = false;
  bool any = false;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    if (!is_header(line)) {
      if (!any || (wanted && !add_detail(mappings.back(), std::string(line)))) refuse(line);
      continue;
    }
    std::optional<MemoryMapping> mapping = parse_header(std::string(line));
    if (!mapping) refuse(line);
    any = true;
    wanted = mapping->begin < last && mapping->end > first;
    if (wanted) mappings.push_back(std::move(*mapping));
  }
  return mappings;
}

std::vector<MemoryMapping> read_smaps(const void* begin, std::size_t size_bytes) {
  const SystemView::Text text = SystemView().read_exactly("/proc/self/smaps");
  if (!text.text) throw std::runtime_error("cannot read /proc/self/smaps: " + text.reason);
  const auto first = reinterpret_cast<std::uint64_t>(begin);
  return parse_smaps(*text.text, first, first + size_bytes);
}

RangeBacking summarise_backing(const std::vector<MemoryMapping>& mappings, std::uint64_t begin,
                               std::uint64_t size_bytes) {
  const std::uint64_t end = begin + size_bytes;
  RangeBacking backing{
      .every_part_has_dontcopy = true, .every_part_shared = true, .covers_whole_mappings = true};
  for (const MemoryMapping& mapping : mappings) {
    const std::uint64_t overlap_begin = std::max(mapping.begin, begin);
    const std::uint64_t overlap_end = std::min(mapping.end, end);
    if (overlap_begin >= overlap_end) continue;
    const bool dontcopy = mapping.has_flag("dc");
    // MAP_PRIVATE memory that may become writable is copied, whatever its rights are now.
    const bool may_write = mapping.writable || mapping.has_flag("mw");
    backing.mapped_bytes += overlap_end - overlap_begin;
    backing.copied_on_fork |= !mapping.shared && may_write && !dontcopy;
    backing.every_part_has_dontcopy &= dontcopy;
    backing.every_part_shared &= mapping.shared;
    backing.covers_whole_mappings &= mapping.begin >= begin && mapping.end <= end;
    backing.resident_bytes += mapping.resident_bytes;
    backing.swap_bytes += mapping.swap_bytes;
    backing.ksm_bytes += mapping.ksm_bytes;
    backing.huge_bytes += mapping.anonymous_huge_bytes + mapping.shmem_huge_bytes;
    backing.hugetlb_bytes += mapping.hugetlb_bytes;
    const bool first = backing.smallest_kernel_page_bytes == 0;
    backing.smallest_kernel_page_bytes =
        first ? mapping.kernel_page_bytes
              : std::min(backing.smallest_kernel_page_bytes, mapping.kernel_page_bytes);
  }
  backing.fully_mapped = size_bytes > 0 && backing.mapped_bytes == size_bytes;
  if (backing.mapped_bytes == 0) {
    backing.every_part_has_dontcopy = false;
    backing.every_part_shared = false;
    backing.covers_whole_mappings = false;
  }
  return backing;
}

RangeBacking read_backing(const void* begin, std::size_t size_bytes) {
  return summarise_backing(read_smaps(begin, size_bytes), reinterpret_cast<std::uint64_t>(begin),
                           size_bytes);
}

std::optional<std::string> heartbeat_hazard(const RangeBacking& backing) {
  if (!backing.fully_mapped) return "part of it is not mapped";
  if (backing.copied_on_fork) {
    return "part of it is private and lacks DONTFORK (VmFlags dc), so a fork copies it";
  }
  return std::nullopt;
}

}  // namespace notifier
