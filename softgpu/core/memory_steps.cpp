// SPDX-License-Identifier: MIT
// Registering, mapping and unmapping one after the other, as KFD's ioctls do.
#include "softgpu/core/address_space.hpp"
#include "softgpu/core/memory.hpp"

namespace softgpu {

/// As KFD's init_user_pages: pages are looked up when a userptr BO is made, mapped or not.
MemoryError Memory::look_up_once(Range& range) {
  begin_staging(range);
  const ValidationOutcome outcome = fault_in(range, pagemap_).outcome;
  const bool impossible =
      outcome == ValidationOutcome::kHole || outcome == ValidationOutcome::kNoPermission;
  return impossible ? MemoryError::kNotMapped : MemoryError::kNone;
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
  notifier_.wait_for_changes([this] { forks_.poll(); });
  const MemoryError error =
      range.kind == RangeKind::kSvm ? MemoryError::kNone : look_up_once(range);
  if (error != MemoryError::kNone) {
    const std::lock_guard lock(registry_.lock());
    registry_.erase(range);
  }
  return error;
}

MemoryError Memory::register_unmapped(std::uintptr_t pointer, std::size_t size_bytes) {
  if (pointer == 0 || !size_is_valid(pointer, size_bytes)) {
    return MemoryError::kInvalid;
  }
  const std::lock_guard lock(lock_);
  std::unique_ptr<Range> range =
      make_range(RangeKind::kUserptr, RangeOrigin::kHostRegister, pointer, size_bytes);
  const std::size_t device_bytes = range->page_count * kPageSize;
  range->device_begin = reserve_addresses(device_bytes);
  if (range->device_begin == 0) {
    return MemoryError::kOutOfMemory;
  }
  const MemoryError error = insert_unmapped(*range);
  if (error != MemoryError::kNone) {
    unmap_pages(range->device_begin, device_bytes);
    return error;
  }
  ranges_.emplace(pointer, std::move(range));
  notifier_.wake_worker();  // it finds out what fork will do with the range
  return MemoryError::kNone;
}

/// With retry faults on, access is given from the start and pages come by faults (kfd_facts §2).
MemoryError Memory::map_now(Range& range) {
  return !range.stops_queues() || range.mapped ? MemoryError::kNone : validate_first(range);
}

MemoryError Memory::map_registered(std::uintptr_t pointer) {
  const std::lock_guard lock(lock_);
  const auto found = find_newest(RangeOrigin::kHostRegister, pointer);
  return found == ranges_.end() ? MemoryError::kNotRegistered : map_now(*found->second);
}

void Memory::take_mapping(Range& range) {
  std::uint32_t flush = 0;
  {
    const std::lock_guard notifier_lock(notifier_.lock());
    const std::lock_guard registry_lock(registry_.lock());
    if (range.listed_invalid) {
      notifier_.invalid_ranges(range.kind).remove(range);
    }
    for (std::size_t page = 0; page < range.page_count; ++page) {
      range.entries[page] = Pte::lasting_part(range.entries[page]);
    }
    const bool mixed = range.has_unmapped || range.resident_pages != 0;
    range.pages = mixed ? RangePages::kMixed : RangePages::kNone;
    range.invalid = 0;
    range.mapped = false;
    flush = waves_.request_flush();
  }
  waves_.wait_until_flushed(flush);
}

MemoryError Memory::unmap_registered(std::uintptr_t pointer) {
  const std::lock_guard lock(lock_);
  const auto found = find_newest(RangeOrigin::kHostRegister, pointer);
  if (found == ranges_.end()) {
    return MemoryError::kNotRegistered;
  }
  take_mapping(*found->second);
  return MemoryError::kNone;
}

}  // namespace softgpu
