// SPDX-License-Identifier: MIT
#include "softgpu/core/memory.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "softgpu/core/address_space.hpp"
#include "softgpu/core/proc_maps.hpp"
#include "softgpu/core/report.hpp"

namespace softgpu {
namespace {

/// Not what the program has unmapped already: somebody else may live there now.
void unmap_what_is_left(const Range& range) {
  std::size_t page = 0;
  while (page < range.page_count) {
    const std::size_t first = page;
    while (page < range.page_count && (range.entries[page] & Pte::kUnmapped) == 0) {
      ++page;
    }
    if (page > first) {
      unmap_pages(range.host_begin + first * kPageSize, (page - first) * kPageSize);
    } else {
      ++page;
    }
  }
}

/// Whether the program has memory everywhere in [begin, end).
bool all_mapped(std::uintptr_t begin, std::uintptr_t end) {
  std::uintptr_t reached = begin;
  for_each_vma(begin, end, [&](const Vma& mapping) {
    reached = mapping.begin <= reached ? std::max(reached, mapping.end) : reached;
  });
  return reached >= end;
}

}  // namespace

Memory::Memory(const Parts& parts, bool retry_faults)
    : registry_(parts.registry),
      waves_(parts.waves),
      notifier_(parts.notifier),
      forks_(parts.forks),
      auditor_(parts.auditor),
      pagemap_(parts.pagemap),
      vram_(parts.vram),
      migrator_(parts.migrator),
      engine_(parts.engine),
      retry_faults_(retry_faults) {}

std::unique_ptr<Range> Memory::make_range(RangeKind kind, RangeOrigin origin,
                                          std::uintptr_t pointer, std::size_t size_bytes) {
  auto range = std::make_unique<Range>();
  range->id = ++ranges_made_;
  range->kind = kind;
  range->origin = origin;
  range->pointer = pointer;
  range->size_bytes = size_bytes;
  range->host_begin = page_floor(pointer);
  range->page_count = (page_ceil(pointer + size_bytes) - range->host_begin) >> kPageShift;
  range->device_begin = range->host_begin;
  range->entries.reset(new std::uint64_t[range->page_count]());
  range->retries = kind == RangeKind::kSvm && retry_faults_ && engine_ == nullptr;
  if (range->retries) {
    range->validated_ns.reset(new std::uint64_t[range->block_of(range->page_count - 1) + 1]());
  } else {
    range->staged.reset(new std::uint64_t[range->page_count]());
  }
  if (origin == RangeOrigin::kManaged) {
    range->access.in_place = all_devices();
  } else if (range->retries) {
    range->access.migrating = all_devices();  // svm_range_new of kfd_svm.c
  }
  const bool migrates = origin == RangeOrigin::kManaged || origin == RangeOrigin::kSvmAttributes;
  if (migrates && engine_ == nullptr) {
    range->attributes.reset(new PageAttributes[range->page_count]());
    range->resident_since.reset(new std::uint64_t[range->blocks()]());
  }
  return range;
}

/// The engine looks pages up when a kernel touches them; the entries here serve copies only.
MemoryError Memory::map_on_engine(std::unique_ptr<Range> owned) {
  Range& range = *owned;
  if (!all_mapped(range.host_begin, range.host_end())) {
    return MemoryError::kNotMapped;
  }
  std::fill_n(range.entries.get(), range.page_count, Pte::make(0, true));
  range.pages = RangePages::kAllWritable;
  range.mapped = true;
  {
    const std::lock_guard lock(registry_.lock());
    if (range.origin == RangeOrigin::kHostRegister &&
        registry_.overlaps_bytes(range.pointer, range.size_bytes)) {
      return MemoryError::kAlreadyRegistered;
    }
    registry_.insert(range);
  }
  if (const std::string problem = engine_->add(range); !problem.empty()) {
    report("%s", problem.c_str());
    const std::lock_guard lock(registry_.lock());
    registry_.erase(range);
    return MemoryError::kOutOfMemory;
  }
  ranges_.emplace(range.pointer, std::move(owned));
  return MemoryError::kNone;
}

MemoryError Memory::map_on_device(std::unique_ptr<Range> owned) {
  if (engine_ != nullptr) {
    return map_on_engine(std::move(owned));
  }
  Range& range = *owned;
  {
    const std::lock_guard lock(registry_.lock());
    // Fresh memory may lie in a hole that the program has made in an older range.
    if (range.origin == RangeOrigin::kHostRegister &&
        registry_.overlaps_bytes(range.pointer, range.size_bytes)) {
      return MemoryError::kAlreadyRegistered;
    }
    range.invalid = range.retries ? 0 : 1;
    range.pages = range.retries ? RangePages::kMixed : RangePages::kNone;
    registry_.insert(range);
  }
  notifier_.wait_for_changes([this] { forks_.poll(); });
  // With retry faults on, the first access of a wave brings the pages (kfd_facts §2).
  const MemoryError error = range.retries ? MemoryError::kNone : validate_first(range);
  if (error != MemoryError::kNone) {
    const std::lock_guard lock(registry_.lock());
    registry_.erase(range);
    return error;
  }
  ranges_.emplace(range.pointer, std::move(owned));
  notifier_.wake_worker();  // it finds out what fork will do with the range
  return MemoryError::kNone;
}

/// As KFD's init_user_pages: the range is notified from the start, and what changes while its pages
/// are looked up makes the lookup begin again.
MemoryError Memory::validate_first(Range& range) {
  constexpr int kAttempts = 1000;  // memory that never holds still long enough, or device memory
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    notifier_.wait_for_ends([this] { forks_.poll(); });
    {
      const std::lock_guard lock(registry_.lock());
      if (!notifier_.is_quiet()) {
        continue;
      }
      begin_staging(range);
    }
    const Validation validation = fault_in(range, pagemap_);
    if (validation.outcome == ValidationOutcome::kHole ||
        validation.outcome == ValidationOutcome::kNoPermission) {
      return MemoryError::kNotMapped;
    }
    if (validation.outcome == ValidationOutcome::kPages && commit_first(range, validation)) {
      return MemoryError::kNone;
    }
  }
  return MemoryError::kNotMapped;
}

bool Memory::commit_first(Range& range, const Validation& validation) {
  const std::lock_guard notifier_lock(notifier_.lock());
  const std::lock_guard lock(registry_.lock());
  if (range.pass_invalidations != range.invalidations) {
    return false;
  }
  commit(range, validation);
  range.mapped = true;
  return true;
}

MemoryError Memory::register_host(std::uintptr_t pointer, std::size_t size_bytes) {
  if (pointer == 0 || !size_is_valid(pointer, size_bytes)) {
    return MemoryError::kInvalid;
  }
  const std::lock_guard lock(lock_);
  if (engine_ != nullptr) {  // as ROCm from 5.6 on: an SVM range (kfd_facts §1)
    return map_on_engine(
        make_range(RangeKind::kSvm, RangeOrigin::kHostRegister, pointer, size_bytes));
  }
  std::unique_ptr<Range> range =
      make_range(RangeKind::kUserptr, RangeOrigin::kHostRegister, pointer, size_bytes);
  // A userptr BO has device addresses of its own (kfd_facts §1, ROCm 5.2.3).
  const std::size_t reserved_bytes = range->page_count * kPageSize;
  const std::uintptr_t device_begin = reserve_addresses(reserved_bytes);
  if (device_begin == 0) {
    return MemoryError::kOutOfMemory;
  }
  range->device_begin = device_begin;
  const MemoryError error = map_on_device(std::move(range));
  if (error != MemoryError::kNone) {
    unmap_pages(device_begin, reserved_bytes);
  }
  return error;
}

MemoryError Memory::unregister_host(std::uintptr_t pointer) {
  return end_range(RangeOrigin::kHostRegister, pointer);
}

MemoryError Memory::allocate(RangeOrigin origin, std::size_t size_bytes, std::uintptr_t& pointer,
                             std::uint32_t device) {
  if (!size_is_valid(0, size_bytes)) {
    return MemoryError::kOutOfMemory;
  }
  const std::lock_guard lock(lock_);
  if (origin == RangeOrigin::kVram) {
    return allocate_vram(device, size_bytes, pointer);
  }
  const std::size_t mapped_bytes = page_ceil(size_bytes);
  const std::uintptr_t begin = map_pages(mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  if (begin == 0) {
    return MemoryError::kOutOfMemory;
  }
  const bool host = origin == RangeOrigin::kHostMalloc;
  if (host) {
    // As the thunk up to 5.7 does (kfd_facts §1, fmm_map_to_cpu).
    madvise(reinterpret_cast<void*>(begin), mapped_bytes, MADV_DONTFORK);
  }
  std::unique_ptr<Range> range =
      make_range(host ? RangeKind::kUserptr : RangeKind::kSvm, origin, begin, size_bytes);
  range->fork_policy = host ? ForkPolicy::kNotNotified : ForkPolicy::kNotified;
  const MemoryError error = map_on_device(std::move(range));
  if (error != MemoryError::kNone) {
    unmap_pages(begin, mapped_bytes);
    return MemoryError::kOutOfMemory;
  }
  pointer = begin;
  return MemoryError::kNone;
}

MemoryError Memory::allocate_vram(std::uint32_t device, std::size_t size_bytes,
                                  std::uintptr_t& pointer) {
  std::optional<std::uintptr_t> offset;
  {
    const std::lock_guard migration_lock(migrator_.lock());
    offset = migrator_.take_vram(device, page_ceil(size_bytes), {0, 0});
  }
  if (!offset) {
    return MemoryError::kOutOfMemory;
  }
  VramPool& pool = vram_.pool(device);
  std::unique_ptr<Range> range =
      make_range(RangeKind::kPinned, RangeOrigin::kVram, pool.host_begin() + *offset, size_bytes);
  range->device_begin = pool.device_begin() + *offset;
  std::fill_n(range->entries.get(), range->page_count, Pte::make(0, true));
  range->pages = RangePages::kAllWritable;
  range->mapped = true;
  if (engine_ != nullptr && !engine_->add(*range).empty()) {
    pool.give_back(*offset, page_ceil(size_bytes));
    return MemoryError::kOutOfMemory;
  }
  pointer = range->device_begin;
  {
    const std::lock_guard lock(registry_.lock());
    registry_.insert(*range);
  }
  ranges_.emplace(pointer, std::move(range));
  return MemoryError::kNone;
}

MemoryError Memory::release(RangeOrigin origin, std::uintptr_t pointer) {
  return end_range(origin, pointer);
}

void Memory::unmap_from_device(Range& range) {
  if (engine_ != nullptr) {
    engine_->remove(range);
    const std::lock_guard lock(registry_.lock());
    registry_.erase(range);
    return;
  }
  if (range.kind != RangeKind::kPinned) {
    auditor_.audit(range.host_begin, range.host_end(), UINT64_MAX);
  }
  std::uint32_t flush = 0;
  {
    const std::lock_guard notifier_lock(notifier_.lock());
    const std::lock_guard lock(registry_.lock());
    if (range.listed_invalid) {
      notifier_.invalid_ranges(range.kind).remove(range);
    }
    registry_.erase(range);
    flush = waves_.request_flush();
  }
  waves_.wait_until_flushed(flush);
}

Memory::RangeMap::iterator Memory::find_newest(RangeOrigin origin, std::uintptr_t pointer) {
  const auto [first, end] = ranges_.equal_range(pointer);
  for (auto candidate = end; candidate != first;) {
    --candidate;
    if (candidate->second->origin == origin) {
      return candidate;
    }
  }
  return ranges_.end();
}

std::unique_ptr<Range> Memory::take_newest(RangeOrigin origin, std::uintptr_t pointer) {
  const auto newest = find_newest(origin, pointer);
  if (newest == ranges_.end()) {
    return nullptr;
  }
  std::unique_ptr<Range> taken = std::move(newest->second);
  ranges_.erase(newest);
  return taken;
}

MemoryError Memory::end_range(RangeOrigin origin, std::uintptr_t pointer) {
  const std::lock_guard lock(lock_);
  const std::unique_ptr<Range> range = take_newest(origin, pointer);
  if (range == nullptr) {
    return MemoryError::kNotRegistered;
  }
  {
    const std::lock_guard migration_lock(migrator_.lock());
    unmap_from_device(*range);
    migrator_.forget(*range);
  }
  const std::size_t mapped_bytes = range->page_count * kPageSize;
  switch (origin) {
    case RangeOrigin::kHostRegister:
      if (range->device_begin != range->host_begin) {
        unmap_pages(range->device_begin, mapped_bytes);
      }
      break;
    case RangeOrigin::kHostMalloc:
    case RangeOrigin::kManaged:
      unmap_what_is_left(*range);
      break;
    case RangeOrigin::kSystem:
    case RangeOrigin::kSvmAttributes:
      break;  // end with their mapping, and no call names them
    case RangeOrigin::kVram:
      VramPool& pool = vram_.pool(device_of(*range));
      pool.give_back(range->device_begin - pool.device_begin(), mapped_bytes);
      break;
  }
  return MemoryError::kNone;
}

bool Memory::set_retry_faults(bool enable) {
  const std::lock_guard lock(lock_);
  const bool has_svm = std::any_of(ranges_.begin(), ranges_.end(), [](const auto& entry) {
    return entry.second->kind == RangeKind::kSvm;
  });
  if (!has_svm) {
    retry_faults_.store(enable);
  }
  return !has_svm;
}

std::uint32_t Memory::device_of(const Range& range) const {
  return range.kind == RangeKind::kPinned ? vram_.device_at(range.device_begin) : 0;
}

std::optional<RangeInfo> Memory::find(std::uintptr_t pointer) {
  const std::lock_guard lock(registry_.lock());
  const Range* range = registry_.find(pointer);
  if (range == nullptr || range->origin == RangeOrigin::kSystem) {
    return std::nullopt;  // the program's own memory is nothing that HIP knows
  }
  const std::uintptr_t offset = range->pointer - range->host_begin;
  return RangeInfo{.kind = range->kind,
                   .origin = range->origin,
                   .host_pointer = range->pointer,
                   .device_pointer = range->device_begin + offset,
                   .size_bytes = range->size_bytes,
                   .device = device_of(*range)};
}

}  // namespace softgpu
