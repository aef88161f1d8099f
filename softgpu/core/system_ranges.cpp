// SPDX-License-Identifier: MIT
#include "softgpu/core/system_ranges.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace softgpu {
namespace {

constexpr std::uintptr_t kBlockBytes = kBlockPages * kPageSize;
constexpr std::uint64_t kIdBase = 1ull << 63;  // apart from the ids of other ranges

bool nothing_is_mapped(const Range& range) {
  return std::all_of(range.entries.get(), range.entries.get() + range.page_count,
                     [](std::uint64_t entry) { return (entry & Pte::kUnmapped) != 0; });
}

}  // namespace

/// Cuts [begin, end) to the pages around `address` that no range has. False when one has it.
bool SystemRanges::shrink_to_unowned(std::uintptr_t address, std::uintptr_t& begin,
                                     std::uintptr_t& end) const {
  bool unowned = true;
  registry_.host_tree().for_each_overlap(begin, end - 1, [&](IntervalNode& node) {
    const Range& range = range_of(node);
    const std::uintptr_t first = std::max(begin, range.host_begin);
    const std::uintptr_t last = std::min(end, range.host_end());
    for (std::uintptr_t page = first; page < last; page += kPageSize) {
      if ((range.entries[(page - range.host_begin) >> kPageShift] & Pte::kUnmapped) != 0) {
        continue;
      }
      unowned = unowned && page != address;
      if (page < address) {
        begin = std::max(begin, page + kPageSize);
      } else {
        end = std::min(end, std::max(page, address + kPageSize));
      }
    }
  });
  return unowned;
}

SystemRanges::Slot* SystemRanges::take_slot() {
  if (free_ == nullptr) {
    void* slab = mmap(nullptr, kSlotsPerSlab * sizeof(Slot), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slab == MAP_FAILED) {
      return nullptr;
    }
    for (std::size_t index = 0; index < kSlotsPerSlab; ++index) {
      Slot* slot = new (static_cast<Slot*>(slab) + index) Slot{};
      slot->next = free_;
      free_ = slot;
    }
  }
  Slot* slot = free_;
  free_ = slot->next;
  slot->next = used_;
  used_ = slot;
  return slot;
}

void SystemRanges::fill(Slot& slot, std::uintptr_t begin, std::uintptr_t end) {
  Range& range = slot.range;
  range = Range{};
  range.id = kIdBase | ++made_;
  range.kind = RangeKind::kSvm;
  range.origin = RangeOrigin::kSystem;
  range.pointer = range.host_begin = range.device_begin = begin;
  range.size_bytes = end - begin;
  range.page_count = range.size_bytes >> kPageShift;
  range.retries = true;
  range.access.in_place = 0xFF;  // of every device
  range.pages = RangePages::kMixed;
  std::fill_n(slot.entries, kBlockPages, 0);
  slot.validated_ns = 0;
  range.entries = Words(slot.entries, FreeWords{.owned = false});
  range.validated_ns = Words(&slot.validated_ns, FreeWords{.owned = false});
}

Range* SystemRanges::adopt(std::uintptr_t address, const Vma& vma) {
  const std::uintptr_t page = page_floor(address);
  const std::uintptr_t block = page / kBlockBytes * kBlockBytes;
  std::uintptr_t begin = std::max(vma.begin, block);
  std::uintptr_t end = std::min(vma.end, block + kBlockBytes);
  Slot* slot = take_slot();
  if (slot == nullptr) {
    return nullptr;
  }
  const std::lock_guard lock(registry_.lock());
  if (!shrink_to_unowned(page, begin, end)) {
    used_ = slot->next;
    slot->next = free_;
    free_ = slot;
    return nullptr;
  }
  fill(*slot, begin, end);
  registry_.insert(slot->range);
  return &slot->range;
}

void SystemRanges::collect() {
  const std::lock_guard lock(registry_.lock());
  for (Slot** link = &used_; *link != nullptr;) {
    Slot* slot = *link;
    if (!slot->range.has_unmapped || !nothing_is_mapped(slot->range)) {
      link = &slot->next;
      continue;
    }
    registry_.erase(slot->range);
    *link = slot->next;
    slot->next = free_;
    free_ = slot;
  }
}

}  // namespace softgpu
