// SPDX-License-Identifier: MIT
// Attributes of SVM ranges (kernel kfd_svm.c svm_range_set_attr, svm_range_apply_attrs and
// svm_range_get_attr). KFD splits a range where they differ; here locations and granularity belong
// to pages, access and GPU_ALWAYS_MAPPED to whole ranges.
#include <sys/mman.h>

#include <algorithm>

#include "softgpu/core/address_space.hpp"
#include "softgpu/core/memory.hpp"

namespace softgpu {
namespace {

bool all_unmapped(const Range& range) {
  return range.has_unmapped &&
         std::all_of(range.entries.get(), range.entries.get() + range.page_count,
                     [](std::uint64_t entry) { return (entry & Pte::kUnmapped) != 0; });
}

/// As svm_range_is_valid. Without a look at /proc/self/maps, whose length is the program's.
bool is_mapped(const Interval& bytes) {
  return msync(reinterpret_cast<void*>(bytes.begin), bytes.end - bytes.begin, MS_ASYNC) == 0;
}

bool is_all_of(const Range& range, const Interval& bytes) {
  return bytes.begin == range.host_begin && bytes.end == range.host_end();
}

DeviceAccess access_after(const DeviceAccess& now, const SvmAttributes& wanted) {
  DeviceAccess after;
  const unsigned kept = ~(wanted.no_access | wanted.access.in_place | wanted.access.migrating);
  after.migrating = static_cast<std::uint8_t>((now.migrating & kept) | wanted.access.migrating);
  after.in_place = static_cast<std::uint8_t>((now.in_place & kept) | wanted.access.in_place);
  return after;
}

/// What two pages have in common.
void merge(SvmState& all, const PageAttributes& page) {
  constexpr std::uint8_t kDiffers = Location::kUndefined;
  all.preferred = all.preferred == page.preferred ? page.preferred : kDiffers;
  all.prefetched = all.prefetched == page.prefetched ? page.prefetched : kDiffers;
  all.granularity = std::min(all.granularity, page.granularity);
}

}  // namespace

std::uint8_t Memory::all_devices() const {
  return static_cast<std::uint8_t>((1u << vram_.devices()) - 1);
}

/// KFD frees a range without pages in work of its own after munmap (svm_range_deferred_list_work).
/// Here it waits until there are twice as many, so that a registration costs the same on average
/// however many ranges there are.
void Memory::forget_unmapped_svm() {
  if (svm_ranges_ < svm_ranges_to_look_at_) {
    return;
  }
  svm_ranges_ = 0;
  for (auto next = ranges_.begin(); next != ranges_.end();) {
    const auto entry = next++;
    if (entry->second->origin != RangeOrigin::kSvmAttributes) {
      continue;
    }
    bool gone = false;
    {
      const std::lock_guard lock(registry_.lock());
      gone = all_unmapped(*entry->second);
    }
    if (gone) {
      const std::lock_guard migration_lock(migrator_.lock());  // it may be looking at the range
      unmap_from_device(*entry->second);
      ranges_.erase(entry);
    } else {
      ++svm_ranges_;
    }
  }
  constexpr std::size_t kFewest = 64;
  svm_ranges_to_look_at_ = std::max(2 * svm_ranges_, kFewest);
}

MemoryError Memory::make_svm(const Interval& bytes, Range*& range) {
  if (!is_mapped(bytes)) {
    return MemoryError::kNotMapped;
  }
  forget_unmapped_svm();
  std::unique_ptr<Range> made = make_range(RangeKind::kSvm, RangeOrigin::kSvmAttributes,
                                           bytes.begin, bytes.end - bytes.begin);
  if (const MemoryError error = insert_unmapped(*made); error != MemoryError::kNone) {
    return error;
  }
  ++svm_ranges_;
  range = made.get();
  ranges_.emplace(bytes.begin, std::move(made));
  notifier_.wake_worker();  // it finds out what fork will do with the range
  return MemoryError::kNone;
}

MemoryError Memory::find_or_make_svm(const Interval& bytes, Range*& range) {
  {
    const std::lock_guard lock(registry_.lock());
    range = find_migratable(bytes);
    if (range == nullptr && registry_.overlaps_bytes(bytes.begin, bytes.end - bytes.begin)) {
      return MemoryError::kPartOfRange;
    }
  }
  return range == nullptr ? make_svm(bytes, range) : MemoryError::kNone;
}

MemoryError Memory::check_attributes(const Range& range, const Interval& bytes,
                                     const SvmAttributes& wanted) {
  if (wanted.of_whole_ranges() && !is_all_of(range, bytes)) {
    return MemoryError::kPartOfRange;
  }
  if (!range.can_migrate() && wanted.preferred && Location::is_device(*wanted.preferred)) {
    return MemoryError::kCannotMigrate;
  }
  // All devices share one page table: none can be kept out while another is let in.
  const DeviceAccess after = access_after(range.access, wanted);
  const unsigned open = after.migrating | after.in_place;
  return after.any() && (wanted.no_access & ~open & all_devices()) != 0 ? MemoryError::kPartOfRange
                                                                        : MemoryError::kNone;
}

/// True: all pages have to be looked up again before the device may count on them.
bool Memory::apply_attributes(Range& range, const Interval& bytes, const SvmAttributes& wanted) {
  Words staged;
  if (wanted.always_mapped.value_or(false) && range.staged == nullptr) {
    staged.reset(new std::uint64_t[range.page_count]());
  }
  const std::lock_guard notifier_lock(notifier_.lock());
  const std::lock_guard lock(registry_.lock());
  if (range.can_migrate()) {
    for_each_attributes(range, bytes, [&](PageAttributes& page) {
      page.preferred = wanted.preferred.value_or(page.preferred);
      page.granularity = wanted.granularity.value_or(page.granularity);
    });
  }
  range.access = access_after(range.access, wanted);
  const bool was_always_mapped = range.always_mapped;
  range.always_mapped = wanted.always_mapped.value_or(was_always_mapped);
  if (staged != nullptr) {
    range.staged = std::move(staged);
  }
  return range.always_mapped && !was_always_mapped && range.retries;
}

MemoryError Memory::set_attributes(const Interval& bytes, const SvmAttributes& wanted) {
  const std::lock_guard lock(lock_);
  Range* range = nullptr;
  if (const MemoryError error = find_or_make_svm(bytes, range); error != MemoryError::kNone) {
    return error;
  }
  if (const MemoryError error = check_attributes(*range, bytes, wanted);
      error != MemoryError::kNone) {
    return error;
  }
  const bool look_up = apply_attributes(*range, bytes, wanted);
  if (!range->access.any()) {
    take_mapping(*range);
    return MemoryError::kNone;
  }
  return look_up ? validate_first(*range) : map_now(*range);
}

SvmState Memory::attributes_of(const Interval& bytes) {
  const std::lock_guard lock(registry_.lock());
  SvmState state;
  bool found = false;
  registry_.host_tree().for_each_overlap(bytes.begin, bytes.end - 1, [&](IntervalNode& node) {
    const Range& range = range_of(node);
    const std::uint64_t end_page = range.page_of(std::min(bytes.end, range.host_end()));
    for (std::uint64_t page = range.page_of(std::max(bytes.begin, range.host_begin));
         range.kind == RangeKind::kSvm && page < end_page; ++page) {
      if ((range.entries[page] & Pte::kUnmapped) != 0) {
        continue;
      }
      const PageAttributes attributes =
          range.can_migrate() ? range.attributes[page] : PageAttributes{};
      if (!found) {
        state = {.preferred = attributes.preferred,
                 .prefetched = attributes.prefetched,
                 .granularity = attributes.granularity,
                 .access = range.access,
                 .all_always_mapped = range.always_mapped,
                 .some_always_mapped = range.always_mapped};
      }
      found = true;
      merge(state, attributes);
      state.access.migrating &= range.access.migrating;
      state.access.in_place &= range.access.in_place;
      state.all_always_mapped = state.all_always_mapped && range.always_mapped;
      state.some_always_mapped = state.some_always_mapped || range.always_mapped;
    }
  });
  if (!found && retry_faults()) {
    state.access.migrating = all_devices();  // such memory becomes a range when it is touched
  }
  return state;
}

}  // namespace softgpu
