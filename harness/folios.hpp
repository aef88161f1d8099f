// SPDX-License-Identifier: MIT
// Which folio of the kernel each page of a range lies in, from /proc/self/pagemap and
// /proc/kpageflags. smaps tells huge pages only where one entry maps all of one (AnonHugePages).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/file_descriptor.hpp"

namespace notifier {

/// One page of the range. Transparent folios are at most 2 MiB, and as large as they are aligned
/// (mm/page_alloc.c), so none reaches beyond 2 MiB of aligned frames.
struct FolioPage {
  bool present = false;
  std::uint64_t frame = 0;        // page frame number
  std::uint64_t folio_frame = 0;  // of the folio's first page
  std::uint64_t folio_pages = 1;  // 1: a page by itself
  bool transparent_huge = false;  // KPF_THP: a huge page or a smaller folio, not of hugetlbfs
};

/// The flags of the frames from `first_frame` on, as /proc/kpageflags gives them, to the folio of
/// frame `frame` among them. Pure, for tests.
FolioPage folio_of(std::uint64_t frame, std::uint64_t first_frame,
                   const std::vector<std::uint64_t>& flags);

class FolioReader {
 public:
  FolioReader();

  /// Why frame numbers and flags cannot be read (both need CAP_SYS_ADMIN); empty when they can.
  const std::string& obstacle() const { return obstacle_; }
  /// One entry a page. Throws std::system_error.
  std::vector<FolioPage> read(const std::byte* begin, std::size_t size_bytes) const;
  /// How often the frame is mapped, by all processes (/proc/kpagecount); of kernels without
  /// CONFIG_PAGE_MAPCOUNT the average of its folio.
  std::uint64_t mappings_of(std::uint64_t frame) const;

 private:
  FileDescriptor pagemap_;
  FileDescriptor flags_;
  FileDescriptor counts_;
  std::string obstacle_;
};

}  // namespace notifier
