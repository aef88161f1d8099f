// SPDX-License-Identifier: MIT
#include "harness/pin/region.hpp"

#include <sys/mman.h>

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

}  // namespace

std::string_view to_string(Backing backing) { return backing == Backing::kThp ? "thp" : "anon"; }

Region::Region(const Layout& layout) : layout_(layout), address_(map_aligned(area_bytes())) {
  const bool huge = layout.backing == Backing::kThp;
  if (huge) {
    madvise(address_, area_bytes(), MADV_HUGEPAGE);
  } else {
    keep_base_pages(address_, area_bytes());
  }
  std::memset(address_, 0xFF, area_bytes());
  if (!huge) permit_collapse(address_, area_bytes());
  if (huge && read_backing(address_, area_bytes()).huge_bytes < area_bytes()) {
    munmap(address_, area_bytes());
    throw CannotRun("the kernel gave no transparent huge page (transparent_hugepage/enabled)");
  }
}

Region::~Region() {
  munmap(address_, area_bytes());
  if (moved_ != nullptr) munmap(moved_, area_bytes());
}

}  // namespace notifier::pin
