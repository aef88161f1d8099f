// SPDX-License-Identifier: MIT
// Registering, mapping and unmapping one after the other, as KFD's ioctls do.
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

}  // namespace

/// As KFD's init_user_pages: pages are looked up when a userptr BO is made, mapped or not.
MemoryError Memory::look_up_once(Range& range) {
  begin_staging(range);
  const ValidationOutcome outcome = fault_in(range, pagemap_).outcome;
  const bool impossible =
      outcome == ValidationOutcome::kHole || outcome == ValidationOutcome::kNoPermission;
  return impossible ? MemoryError::kNotMapped : MemoryError::kNone;
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
      unmap_from_device(*entry->second);
      ranges_.erase(entry);
    } else {
      ++svm_ranges_;
    }
  }
  constexpr std::size_t kFewest = 64;
  svm_ranges_to_look_at_ = std::max(2 * svm_ranges_, kFewest);
}

/// The registry knows the range from here on, if nothing is wrong with it.
MemoryError Memory::insert_unmapped(Range& range) {
  {
    const std::lock_guard lock(registry_.lock());
    if (registry_.overlaps_bytes(range.pointer, range.size_bytes)) {
      return MemoryError::kAlreadyRegistered;
    }
    registry_.insert(range);
  }
  const MemoryError error =
      range.kind == RangeKind::kSvm ? MemoryError::kNone : look_up_once(range);
  if (error != MemoryError::kNone) {
    const std::lock_guard lock(registry_.lock());
    registry_.erase(range);
  }
  return error;
}

MemoryError Memory::register_unmapped(RangeOrigin origin, std::uintptr_t pointer,
                                      std::size_t size_bytes) {
  if (pointer == 0 || !size_is_valid(pointer, size_bytes)) {
    return MemoryError::kInvalid;
  }
  const bool svm = origin == RangeOrigin::kSvmAttributes;
  const std::lock_guard lock(lock_);
  if (svm) {
    forget_unmapped_svm();
  }
  std::unique_ptr<Range> range =
      make_range(svm ? RangeKind::kSvm : RangeKind::kUserptr, origin, pointer, size_bytes);
  const std::size_t device_bytes = range->page_count * kPageSize;
  if (!svm) {
    range->device_begin = reserve_addresses(device_bytes);
    if (range->device_begin == 0) {
      return MemoryError::kOutOfMemory;
    }
  }
  const MemoryError error = insert_unmapped(*range);
  if (error != MemoryError::kNone) {
    if (!svm) {
      unmap_pages(range->device_begin, device_bytes);
    }
    return error;
  }
  svm_ranges_ += svm ? 1 : 0;
  ranges_.emplace(pointer, std::move(range));
  notifier_.wake_worker();  // it finds out what fork will do with the range
  return MemoryError::kNone;
}

MemoryError Memory::map_registered(RangeOrigin origin, std::uintptr_t pointer) {
  const std::lock_guard lock(lock_);
  const auto found = find_newest(origin, pointer);
  if (found == ranges_.end()) {
    return MemoryError::kNotRegistered;
  }
  Range& range = *found->second;
  // With retry faults on, access is given from the start and pages come by faults (kfd_facts §2).
  return range.retries || range.mapped ? MemoryError::kNone : validate_first(range);
}

MemoryError Memory::unmap_registered(RangeOrigin origin, std::uintptr_t pointer) {
  const std::lock_guard lock(lock_);
  const auto found = find_newest(origin, pointer);
  if (found == ranges_.end()) {
    return MemoryError::kNotRegistered;
  }
  Range& range = *found->second;
  std::uint32_t flush = 0;
  {
    const std::lock_guard notifier_lock(notifier_.lock());
    const std::lock_guard registry_lock(registry_.lock());
    if (range.listed_invalid) {
      notifier_.invalid_ranges(range.kind).remove(range);
    }
    for (std::size_t page = 0; page < range.page_count; ++page) {
      range.entries[page] &= Pte::kUnmapped;
    }
    range.pages = range.has_unmapped ? RangePages::kMixed : RangePages::kNone;
    range.invalid = 0;
    range.mapped = false;
    flush = waves_.request_flush();
  }
  waves_.wait_until_flushed(flush);
  return MemoryError::kNone;
}

bool Memory::is_whole(RangeOrigin origin, std::uintptr_t pointer, std::size_t size_bytes) {
  const std::lock_guard lock(lock_);
  const auto found = find_newest(origin, pointer);
  return found != ranges_.end() && found->second->size_bytes == size_bytes;
}

}  // namespace softgpu
