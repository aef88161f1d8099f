// SPDX-License-Identifier: MIT
#include "softgpu/core/registry.hpp"

#include <algorithm>

#include "softgpu/core/clock.hpp"

namespace softgpu {
namespace {

// A wave that misses looks at most this many entries to each side: the price of a miss is bounded.
constexpr std::uint64_t kTranslationWindowPages = 512;

bool entry_allows(const Range& range, std::uint64_t page, std::uint64_t rights) {
  return (range.entries[page] & (rights | Pte::kResident)) == rights &&
         !(range.stale_copy != 0 && page == range.stale_page);
}

Translation whole_pages(const Range& range, std::uint64_t first_page, std::uint64_t end_page,
                        bool writable) {
  const std::uintptr_t size = (end_page - first_page) * kPageSize;
  return {.device_begin = range.device_begin + first_page * kPageSize,
          .size = size,
          .writable_size = writable ? size : 0,
          .delta = range.host_begin - range.device_begin};
}

Translation stale_page_translation(const Range& range) {
  const std::uintptr_t device_page = range.device_begin + range.stale_page * kPageSize;
  return {.device_begin = device_page,
          .size = kPageSize,
          .writable_size = kPageSize,
          .delta = range.stale_copy - device_page};
}

/// The run of pages around `page` in device memory, as far as it is one piece there.
Translation translate_resident(const Range& range, std::uint64_t page) {
  constexpr std::uint64_t kOnePage = 1ull << Pte::kFrameShift;
  const std::uint64_t entry = range.entries[page];
  const bool writable = (entry & Pte::kWritable) != 0;
  std::uint64_t first = page;
  std::uint64_t end = page + 1;
  const std::uint64_t lowest = page - std::min(page, kTranslationWindowPages);
  const std::uint64_t highest =
      std::min<std::uint64_t>(range.page_count, page + kTranslationWindowPages);
  while (first > lowest && range.entries[first - 1] == range.entries[first] - kOnePage) {
    --first;
  }
  while (end < highest && range.entries[end] == range.entries[end - 1] + kOnePage) {
    ++end;
  }
  Translation translation = whole_pages(range, first, end, writable);
  translation.delta = Pte::vram_host(range.entries[first]) - translation.device_begin;
  return translation;
}

/// The run of pages around `page` with the same rights.
Translation translate_run(const Range& range, std::uint64_t page) {
  const bool writable = (range.entries[page] & Pte::kWritable) != 0;
  const std::uint64_t rights = Pte::kValid | (writable ? Pte::kWritable : 0);
  std::uint64_t first = page;
  std::uint64_t end = page + 1;
  const std::uint64_t lowest = page - std::min(page, kTranslationWindowPages);
  const std::uint64_t highest =
      std::min<std::uint64_t>(range.page_count, page + kTranslationWindowPages);
  while (first > lowest && entry_allows(range, first - 1, rights)) {
    --first;
  }
  while (end < highest && entry_allows(range, end, rights)) {
    ++end;
  }
  return whole_pages(range, first, end, writable);
}

TranslationResult translate_in(const Range& range, std::uint64_t page, Access access) {
  if (range.stale_copy != 0 && page == range.stale_page) {
    return {.fault = {}, .translation = stale_page_translation(range)};
  }
  const std::uint64_t entry = range.entries[page];
  if ((entry & Pte::kUnmapped) != 0) {
    return {.fault = TranslationFault::kNotMapped};
  }
  if (range.invalid != 0) {
    return {.fault = TranslationFault::kInvalidated};
  }
  if ((entry & Pte::kValid) == 0) {
    return {.fault = TranslationFault::kNotMapped};
  }
  if (access == Access::kWrite && (entry & Pte::kWritable) == 0) {
    return {.fault = TranslationFault::kReadOnly};
  }
  if (Pte::is_resident(entry)) {
    return {.fault = {}, .translation = translate_resident(range, page)};
  }
  if (range.pages == RangePages::kAllWritable && range.stale_copy == 0) {
    return {.fault = {}, .translation = whole_pages(range, 0, range.page_count, true)};
  }
  return {.fault = {}, .translation = translate_run(range, page)};
}

/// Whether some page of [first, last] is still the range's: an SVM range loses what is unmapped.
bool has_page_in(const Range& range, std::uintptr_t first, std::uintptr_t last) {
  if (!range.has_unmapped) {
    return true;
  }
  const std::uintptr_t begin = std::max(page_floor(first), range.host_begin);
  const std::uintptr_t end = std::min(page_floor(last) + kPageSize, range.host_end());
  const std::uint64_t* entries = range.entries.get() + ((begin - range.host_begin) >> kPageShift);
  return std::any_of(entries, entries + ((end - begin) >> kPageShift),
                     [](std::uint64_t entry) { return (entry & Pte::kUnmapped) == 0; });
}

bool has_device_page(const Range& range, std::uintptr_t device_address) {
  const std::uintptr_t host = range.host_begin + (device_address - range.device_begin);
  return has_page_in(range, host, host);
}

}  // namespace

void Registry::note_unknown_fork_policies(std::uint64_t more) {
  fork_policy_counts_.changes += more;
  fork_policy_counts_.changed_ns = read_clock_ns(CLOCK_MONOTONIC);
}

void Registry::insert(Range& range) {
  range.device_node = {
      .first = range.device_begin, .last = range.device_end() - 1, .owner = &range};
  device_tree_.insert(range.device_node);
  if (range.kind != RangeKind::kPinned) {
    range.host_node = {.first = range.host_begin, .last = range.host_end() - 1, .owner = &range};
    host_tree_.insert(range.host_node);
    if (range.fork_policy == ForkPolicy::kUnknown) {
      note_unknown_fork_policies(1);
    }
  }
}

void Registry::erase(Range& range) {
  device_tree_.erase(range.device_node);
  if (range.kind != RangeKind::kPinned) {
    host_tree_.erase(range.host_node);
  }
}

TranslationResult Registry::translate(std::uintptr_t device_address, Access access) const {
  // Ranges overlap on the device only where one of them has lost the page (an SVM range after
  // munmap, and a new one in its place), so the first that has the page decides.
  TranslationResult result{.fault = TranslationFault::kNotMapped};
  for (IntervalNode* node = device_tree_.first_overlap(device_address, device_address);
       node != nullptr; node = device_tree_.next_overlap(*node, device_address, device_address)) {
    const Range& range = range_of(*node);
    result = translate_in(range, (device_address - range.device_begin) >> kPageShift, access);
    if (result.fault != TranslationFault::kNotMapped) {
      return result;
    }
  }
  return result;
}

// An SVM range outlives its mapping, and newer memory may be at the same address: that is meant.

Range* Registry::find_device(std::uintptr_t device_address) const {
  Range* gone = nullptr;
  for (IntervalNode* node = device_tree_.first_overlap(device_address, device_address);
       node != nullptr; node = device_tree_.next_overlap(*node, device_address, device_address)) {
    Range& range = range_of(*node);
    if (has_device_page(range, device_address)) {
      return &range;
    }
    gone = &range;
  }
  return gone;
}

Range* Registry::find(std::uintptr_t pointer) const {
  Range* device = find_device(pointer);
  if (device != nullptr && has_device_page(*device, pointer)) {
    return device;
  }
  Range* host = find_host(pointer);
  return host != nullptr ? host : device;
}

Range* Registry::find_host(std::uintptr_t pointer) const {
  Range* gone = nullptr;
  for (IntervalNode* node = host_tree_.first_overlap(pointer, pointer); node != nullptr;
       node = host_tree_.next_overlap(*node, pointer, pointer)) {
    Range& range = range_of(*node);
    if (pointer < range.pointer || pointer - range.pointer >= range.size_bytes) {
      continue;
    }
    if (has_page_in(range, pointer, pointer)) {
      return &range;
    }
    gone = &range;
  }
  return gone;
}

bool Registry::overlaps_bytes(std::uintptr_t pointer, std::size_t size_bytes) const {
  const std::uintptr_t last = pointer + size_bytes - 1;
  for (IntervalNode* node = host_tree_.first_overlap(pointer, last); node != nullptr;
       node = host_tree_.next_overlap(*node, pointer, last)) {
    const Range& range = range_of(*node);
    if (range.pointer <= last && pointer <= range.pointer + range.size_bytes - 1 &&
        has_page_in(range, pointer, last)) {
      return true;
    }
  }
  return false;
}

}  // namespace softgpu
