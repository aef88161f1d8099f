// SPDX-License-Identifier: MIT
#include "harness/pin/region.hpp"

#include <linux/mman.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "harness/huge_pages.hpp"
#include "harness/pin/error.hpp"
#include "harness/smaps.hpp"

namespace notifier::pin {
namespace {

std::byte* map_aligned(std::size_t bytes) {
  const std::size_t alignment = bytes % kHugeBytes == 0 ? kHugeBytes : kPageBytes;
  void* room =
      mmap(nullptr, bytes + alignment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  throw_if(room == MAP_FAILED, "mmap of the event's memory");
  auto* begin = static_cast<std::byte*>(room);
  const auto misaligned = reinterpret_cast<std::uintptr_t>(begin) % alignment;
  std::byte* aligned = misaligned == 0 ? begin : begin + (alignment - misaligned);
  if (aligned != begin) munmap(begin, static_cast<std::size_t>(aligned - begin));
  std::byte* end = begin + bytes + alignment;
  if (aligned + bytes != end) {
    munmap(aligned + bytes, static_cast<std::size_t>(end - aligned - bytes));
  }
  return aligned;
}

/// Of the pool. Besides its own page a case needs one for the child and one for a copy on write, or
/// somebody gets SIGBUS (mm/hugetlb.c hugetlb_wp).
std::byte* map_hugetlb() {
  void* three = mmap(nullptr, 3 * kHugeBytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB, -1, 0);
  if (three == MAP_FAILED) {
    throw CannotRun("three free huge pages of 2 MiB are needed (vm.nr_hugepages)");
  }
  munmap(static_cast<std::byte*>(three) + kHugeBytes, 2 * kHugeBytes);
  return static_cast<std::byte*>(three);
}

std::size_t bytes_to_map(const Region::Layout& layout) {
  const std::size_t wanted = std::max(layout.area_bytes, layout.used_bytes);
  return info(layout.backing).pages == Pages::kBase ? wanted : std::max(wanted, kHugeBytes);
}

}  // namespace

Region::Region(const Layout& layout) : layout_(layout), mapped_bytes_(bytes_to_map(layout)) {
  address_ =
      info(layout.backing).pages == Pages::kHugetlb ? map_hugetlb() : map_aligned(mapped_bytes_);
  try {
    populate();
  } catch (...) {
    unmap();
    throw;
  }
}

Region::~Region() { unmap(); }

void Region::populate() {
  const BackingRow& row = info(layout_.backing);
  if (row.pages == Pages::kTransparentHuge) madvise(address_, mapped_bytes_, MADV_HUGEPAGE);
  if (row.pages == Pages::kBase) keep_base_pages(address_, mapped_bytes_);
  std::memset(address_, 0xFF, mapped_bytes_);
  if (row.pages == Pages::kBase) permit_collapse(address_, mapped_bytes_);
  if (row.pages == Pages::kTransparentHuge &&
      read_backing(address_, mapped_bytes_).huge_bytes < mapped_bytes_) {
    throw CannotRun("the kernel gave no transparent huge page (transparent_hugepage/enabled)");
  }
  if (row.shape != nullptr) row.shape(*this);
}

void Region::unmap() {
  munmap(address_, mapped_bytes_);
  if (moved_ != nullptr) munmap(moved_, area_bytes());
  if (!split_off_.empty()) munmap(split_off_.data(), split_off_.size());
}

std::size_t Region::area_bytes() const {
  const std::size_t left = info(layout_.backing).area_bytes;
  return left != 0 ? left : mapped_bytes_;
}

void Region::settle() {
  if (info(layout_.backing).swapped) swap_out(area());
}

}  // namespace notifier::pin
