// SPDX-License-Identifier: MIT
#include "harness/folios.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/kernel-page-flags.h>

#include <array>
#include <cerrno>
#include <map>
#include <system_error>
#include <utility>

namespace notifier {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kHugePageFrames = 512;  // 2 MiB
// Documentation/admin-guide/mm/pagemap.rst: bit 63 present, bits 0 to 54 the frame, which is 0
// without CAP_SYS_ADMIN.
constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
constexpr std::uint64_t kFrameMask = (std::uint64_t{1} << 55) - 1;

bool has(std::uint64_t flags, unsigned which) { return (flags >> which & 1) != 0; }

std::vector<std::uint64_t> read_words(const FileDescriptor& file, std::uint64_t first,
                                      std::uint64_t count, const char* what) {
  std::vector<std::uint64_t> words(count);
  const ssize_t wanted = static_cast<ssize_t>(count * sizeof(std::uint64_t));
  const ssize_t got = pread(file.get(), words.data(), static_cast<std::size_t>(wanted),
                            static_cast<off_t>(first * sizeof(std::uint64_t)));
  if (got == wanted) return words;
  throw std::system_error(got < 0 ? errno : EIO, std::generic_category(), what);
}

FileDescriptor open_file(const char* path, std::string& obstacle) {
  FileDescriptor file(open(path, O_RDONLY | O_CLOEXEC));
  if (!file.valid() && obstacle.empty()) {
    obstacle = fmt::format("needs {} to see what the pages are made of: {} (run as root)", path,
                           std::generic_category().message(errno));
  }
  return file;
}

}  // namespace

FolioPage folio_of(std::uint64_t frame, std::uint64_t first_frame,
                   const std::vector<std::uint64_t>& flags) {
  const std::uint64_t at = frame - first_frame;
  FolioPage page{true, frame, frame, 1, has(flags[at], KPF_THP)};
  std::uint64_t head = at;
  while (head > 0 && has(flags[head], KPF_COMPOUND_TAIL)) --head;
  if (!has(flags[head], KPF_COMPOUND_HEAD)) return page;
  std::uint64_t end = head + 1;
  while (end < flags.size() && has(flags[end], KPF_COMPOUND_TAIL)) ++end;
  if (at >= end) return page;
  page.folio_frame = first_frame + head;
  page.folio_pages = end - head;
  return page;
}

FolioReader::FolioReader()
    : pagemap_(open_file("/proc/self/pagemap", obstacle_)),
      flags_(open_file("/proc/kpageflags", obstacle_)),
      counts_(open_file("/proc/kpagecount", obstacle_)) {}

std::vector<FolioPage> FolioReader::read(const std::byte* begin, std::size_t size_bytes) const {
  const std::uint64_t first = reinterpret_cast<std::uint64_t>(begin) / kPageBytes;
  const std::vector<std::uint64_t> entries =
      read_words(pagemap_, first, size_bytes / kPageBytes, "reading /proc/self/pagemap");
  // Pages of one folio lie together, so that one read does for up to 512 of them.
  std::pair<std::uint64_t, std::vector<std::uint64_t>> around{1, {}};
  std::vector<FolioPage> pages;
  pages.reserve(entries.size());
  for (const std::uint64_t entry : entries) {
    if ((entry & kPresent) == 0) {
      pages.emplace_back();
      continue;
    }
    const std::uint64_t frame = entry & kFrameMask;
    const std::uint64_t first_frame = frame / kHugePageFrames * kHugePageFrames;
    if (around.first != first_frame) {
      around = {first_frame,
                read_words(flags_, first_frame, kHugePageFrames, "reading /proc/kpageflags")};
    }
    pages.push_back(folio_of(frame, first_frame, around.second));
  }
  return pages;
}

std::uint64_t FolioReader::mappings_of(std::uint64_t frame) const {
  return read_words(counts_, frame, 1, "reading /proc/kpagecount").front();
}

}  // namespace notifier
