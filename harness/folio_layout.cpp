// SPDX-License-Identifier: MIT
#include "harness/folio_layout.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "harness/system_view.hpp"

namespace notifier {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kHugePageBytes = 2 << 20;
constexpr std::size_t kHalfBytes = kHugePageBytes / 2;

struct BackingLayout {
  Backing backing;
  FolioLayout layout;
  std::string_view setting = {};  // system_settings.hpp
};
constexpr std::array kLayouts{
    BackingLayout{Backing::kMthp16KiB, {16 << 10}, "thp_16KiB_enabled"},
    BackingLayout{Backing::kMthp32KiB, {32 << 10}, "thp_32KiB_enabled"},
    BackingLayout{Backing::kMthp64KiB, {64 << 10}, "thp_64KiB_enabled"},
    BackingLayout{Backing::kMthp128KiB, {128 << 10}, "thp_128KiB_enabled"},
    BackingLayout{Backing::kMthp256KiB, {256 << 10}, "thp_256KiB_enabled"},
    BackingLayout{Backing::kMthp512KiB, {512 << 10}, "thp_512KiB_enabled"},
    BackingLayout{Backing::kMthp1MiB, {1 << 20}, "thp_1MiB_enabled"},
    BackingLayout{Backing::kThpPte, {kHugePageBytes}},
    BackingLayout{Backing::kThpPartUnmapped, {kHugePageBytes, FolioLayout::Mapped::kHalf}},
    BackingLayout{Backing::kThpPartShared, {kHugePageBytes, FolioLayout::Mapped::kHalfIsShared}}};

void advise(std::byte* begin, std::size_t size_bytes, int advice, const char* what) {
  if (madvise(begin, size_bytes, advice) == 0) return;
  throw std::system_error(errno, std::generic_category(), what);
}

void populate(std::byte* begin, std::size_t size_bytes) {
  advise(begin, size_bytes, MADV_POPULATE_WRITE, "madvise(MADV_POPULATE_WRITE)");
}

std::string setting_path(std::uint64_t folio_bytes) {
  return fmt::format("/sys/kernel/mm/transparent_hugepage/hugepages-{}kB/enabled",
                     folio_bytes >> 10);
}

bool is_on(const std::string& path) {
  const SystemView::Text text = SystemView().read(path);
  return text.text && text.text->find("[never]") == std::string::npos;
}

/// The kernel takes the largest folio that is on and fits into the mapping (mm/memory.c
/// alloc_anon_folio), so the mapping that is advised grows by pieces that leave no room for
/// another.
std::size_t advised_piece_bytes(std::uint64_t folio_bytes) {
  for (std::size_t larger = 2 * folio_bytes; larger <= kHalfBytes; larger *= 2) {
    if (is_on(setting_path(larger))) return folio_bytes;
  }
  return kHalfBytes;
}

std::string unlike(std::size_t page, const FolioPage& found, const FolioLayout& layout) {
  if (!found.present) return fmt::format("page {} is not present", page);
  return fmt::format("page {} is page {} of a folio of {} pages, where folios of {} pages belong",
                     page, found.frame - found.folio_frame, found.folio_pages,
                     layout.folio_bytes / kPageBytes);
}

const BackingLayout* find_layout(Backing backing) {
  const auto* const found =
      std::find_if(kLayouts.begin(), kLayouts.end(),
                   [&](const BackingLayout& one) { return one.backing == backing; });
  return found == kLayouts.end() ? nullptr : found;
}

}  // namespace

std::optional<FolioLayout> folio_layout(Backing backing) {
  const BackingLayout* const found = find_layout(backing);
  return found == nullptr ? std::nullopt : std::optional(found->layout);
}

std::string_view folio_setting(Backing backing) {
  const BackingLayout* const found = find_layout(backing);
  return found == nullptr ? std::string_view() : found->setting;
}

std::string folio_obstacle(const FolioLayout& layout) {
  const std::string path = setting_path(layout.folio_bytes);
  const bool huge = layout.folio_bytes == kHugePageBytes;
  if (!huge && !SystemView().exists(path)) {
    return fmt::format("this kernel has no folios of {} (Linux 6.8 and later; {} is missing)",
                       format_size(layout.folio_bytes), path);
  }
  const bool on = huge ? is_on("/sys/kernel/mm/transparent_hugepage/enabled") : is_on(path);
  if (!on) return fmt::format("folios of {} are off ({})", format_size(layout.folio_bytes), path);
  return FolioReader().obstacle();
}

std::string layout_mismatch(const FolioLayout& layout, std::span<const FolioPage> pages) {
  const std::uint64_t folio_pages = layout.folio_bytes / kPageBytes;
  const bool whole = layout.mapped == FolioLayout::Mapped::kWhole;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const FolioPage& page = pages[i];
    const std::uint64_t offset = i % folio_pages;
    const bool in_folio =
        page.present && page.transparent_huge && page.folio_pages == folio_pages &&
        page.frame == page.folio_frame + offset && page.folio_frame == pages[i - offset].frame;
    const bool belongs = whole || offset < folio_pages / 2;
    if (!page.present || in_folio != belongs) return unlike(i, page, layout);
  }
  return "";
}

void keep_folios(std::byte* begin, std::size_t size_bytes) {
  advise(begin, size_bytes, MADV_NOHUGEPAGE, "madvise(MADV_NOHUGEPAGE)");
}

FolioBuilder::~FolioBuilder() { end_child(); }

void FolioBuilder::end_child() {
  if (child_ == 0) return;
  kill(child_, SIGKILL);
  while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
  child_ = 0;
}

void FolioBuilder::build(std::byte* begin, std::size_t size_bytes) {
  end_child();
  if (layout_.folio_bytes == kHugePageBytes) {
    build_huge(begin, size_bytes);
  } else {
    build_small(begin, size_bytes);
  }
}

/// One piece after the other: each is dropped only once its advice stands, since a restore of the
/// device may fill it again before we do.
void FolioBuilder::build_small(std::byte* begin, std::size_t size_bytes) const {
  const std::size_t piece_bytes = advised_piece_bytes(layout_.folio_bytes);
  keep_folios(begin, size_bytes);
  for (std::size_t offset = 0; offset < size_bytes; offset += piece_bytes) {
    std::byte* const piece = begin + offset;
    advise(piece, piece_bytes, MADV_HUGEPAGE, "madvise(MADV_HUGEPAGE)");
    advise(piece, piece_bytes, MADV_DONTNEED, "madvise(MADV_DONTNEED)");
    populate(piece, piece_bytes);
  }
  keep_folios(begin, size_bytes);
}

void FolioBuilder::build_huge(std::byte* begin, std::size_t size_bytes) {
  advise(begin, size_bytes, MADV_HUGEPAGE, "madvise(MADV_HUGEPAGE)");
  advise(begin, size_bytes, MADV_DONTNEED, "madvise(MADV_DONTNEED)");
  populate(begin, size_bytes);
  // A mapping that ends within a huge page cannot be mapped by one entry: the kernel splits the
  // entry, not the folio (mm/huge_memory.c vma_adjust_trans_huge).
  for (std::size_t offset = 0; offset < size_bytes; offset += kHugePageBytes) {
    keep_folios(begin + offset + kHalfBytes, kHalfBytes);
  }
  keep_folios(begin, size_bytes);
  if (layout_.mapped == FolioLayout::Mapped::kHalfIsShared) share_with_child(begin, size_bytes);
  if (layout_.mapped != FolioLayout::Mapped::kHalf) return;
  for (std::size_t offset = kHalfBytes; offset < size_bytes; offset += kHugePageBytes) {
    advise(begin + offset, kHalfBytes, MADV_DONTNEED, "madvise(MADV_DONTNEED)");
    populate(begin + offset, kHalfBytes);
  }
}

/// The child inherits the second halves only; writing to them leaves them to the child.
void FolioBuilder::share_with_child(std::byte* begin, std::size_t size_bytes) {
  const auto each_first_half = [&](int advice, const char* what) {
    for (std::size_t offset = 0; offset < size_bytes; offset += kHugePageBytes) {
      advise(begin + offset, kHalfBytes, advice, what);
    }
  };
  each_first_half(MADV_DONTFORK, "madvise(MADV_DONTFORK)");
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (true) pause();
  }
  const int error = errno;
  each_first_half(MADV_DOFORK, "madvise(MADV_DOFORK)");
  if (child < 0) throw std::system_error(error, std::generic_category(), "fork");
  child_ = child;
  populate(begin, size_bytes);
}

std::string FolioBuilder::mismatch(const std::byte* begin, std::size_t size_bytes) const {
  const std::vector<FolioPage> pages = reader_.read(begin, size_bytes);
  std::string found = layout_mismatch(layout_, pages);
  if (!found.empty() || layout_.mapped != FolioLayout::Mapped::kHalfIsShared) return found;
  const std::uint64_t half_pages = kHalfBytes / kPageBytes;
  for (std::size_t page = 0; page < pages.size(); page += 2 * half_pages) {
    if (reader_.mappings_of(pages[page].folio_frame + half_pages) > 0) continue;
    return fmt::format("no child has the second half of the folio at page {}", page);
  }
  return "";
}

}  // namespace notifier
