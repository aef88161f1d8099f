// SPDX-License-Identifier: MIT
// Where managed memory is to live, and moving it there ahead of use (kernel kfd_svm.c
// svm_range_set_attr and svm_range_trigger_migration).
#include <algorithm>

#include "softgpu/core/memory.hpp"
#include "softgpu/core/proc_maps.hpp"
#include "softgpu/core/report.hpp"

namespace softgpu {

namespace {

/// Rights may differ within a range, and what they forbid stays where it is.
void clip_to_mapping(PageRun& run) {
  std::uintptr_t end = 0;
  for_each_vma(run.begin(), run.begin() + kPageSize, [&](const Vma& vma) { end = vma.end; });
  if (end > run.begin()) {
    run.end_page = std::min(run.end_page, run.range->page_of(end));
  }
}

}  // namespace

/// Under the registry lock: the managed range, or that of SVM attributes, which has all of the
/// bytes, none of them unmapped.
Range* Memory::find_migratable(const Interval& bytes) {
  Range* range = registry_.find_host(bytes.begin);
  if (range == nullptr ||
      (bytes.end > range->pointer + range->size_bytes && bytes.end != range->host_end()) ||
      (range->origin != RangeOrigin::kManaged && range->origin != RangeOrigin::kSvmAttributes)) {
    return nullptr;
  }
  const std::uint64_t* entries = range->entries.get();
  const bool mapped = std::none_of(
      entries + range->page_of(bytes.begin), entries + range->page_of(page_ceil(bytes.end)),
      [](std::uint64_t entry) { return (entry & Pte::kUnmapped) != 0; });
  return mapped ? range : nullptr;
}

MemoryError Memory::set_preferred(const Interval& bytes, std::uint8_t location) {
  const std::lock_guard lock(registry_.lock());
  Range* range = find_migratable(bytes);
  if (range == nullptr) {
    return MemoryError::kInvalid;
  }
  if (!range->can_migrate()) {
    return Location::is_device(location) ? MemoryError::kCannotMigrate : MemoryError::kNone;
  }
  for_each_attributes(*range, bytes, [=](PageAttributes& page) { page.preferred = location; });
  return MemoryError::kNone;
}

MemoryError Memory::check_prefetch(const Interval& bytes, std::uint8_t location) {
  std::uint64_t missing_pages = 0;
  {
    const std::lock_guard lock(registry_.lock());
    Range* range = find_migratable(bytes);
    if (range == nullptr) {
      return MemoryError::kInvalid;
    }
    if (!range->can_migrate() || !migrator_.why_not().empty()) {
      return MemoryError::kCannotMigrate;
    }
    missing_pages = static_cast<std::uint64_t>(std::count_if(
        range->entries.get() + range->page_of(bytes.begin),
        range->entries.get() + range->page_of(page_ceil(bytes.end)), Pte::is_at_home));
  }
  if (!Location::is_device(location)) {
    return MemoryError::kNone;
  }
  const std::uint32_t device = Location::device(location);
  const std::uint64_t room_bytes =
      vram_free_bytes(device) + migrator_.evictable_pages(device, bytes) * kPageSize;
  return missing_pages * kPageSize <= room_bytes ? MemoryError::kNone : MemoryError::kOutOfMemory;
}

/// Moves the first pages at or behind `address` that are elsewhere, and puts it behind them.
Migrator::Outcome Memory::prefetch_first(std::uintptr_t& address, const Interval& bytes,
                                         std::uint8_t location) {
  const std::lock_guard lock(lock_);
  notifier_.wait_for_ends([this] { forks_.poll(); });
  const std::lock_guard migration_lock(migrator_.lock());
  if (notifier_.in_progress() != 0) {
    return Migrator::Outcome::kMoved;  // a fork: its pages must stay at home until it is over
  }
  const bool to_device = Location::is_device(location);
  PageRun run = migrator_.first_run(
      address, bytes.end, to_device ? Migrator::Wanted::kAtHome : Migrator::Wanted::kResident);
  if (run.empty()) {
    address = bytes.end;
    return Migrator::Outcome::kMoved;
  }
  run.end_page = std::min(run.end_page, run.first_page + migrator_.most_pages());
  clip_to_mapping(run);
  Migrator::Outcome outcome = Migrator::Outcome::kMoved;
  if (to_device) {
    outcome =
        migrator_.to_device(run, Location::device(location), MigrateTrigger::kPrefetch, bytes);
  } else {
    migrator_.to_host(run, MigrateTrigger::kPrefetch);
  }
  address = run.begin() + run.size_bytes();
  return outcome;
}

void Memory::prefetch(const Interval& bytes, std::uint8_t location) {
  {
    const std::lock_guard lock(registry_.lock());
    if (Range* range = find_migratable(bytes); range != nullptr && range->can_migrate()) {
      for_each_attributes(*range, bytes, [=](PageAttributes& page) { page.prefetched = location; });
    }
  }
  for (std::uintptr_t address = bytes.begin; address < bytes.end;) {
    switch (prefetch_first(address, bytes, location)) {
      case Migrator::Outcome::kMoved:
        continue;
      case Migrator::Outcome::kNoRoom:
        report("hipMemPrefetchAsync: no device memory is left for 0x%lx and what follows",
               static_cast<unsigned long>(address));
        return;
      case Migrator::Outcome::kRefused:
        report(
            "hipMemPrefetchAsync: memory before 0x%lx cannot migrate (not private anonymous "
            "memory, or watched by a userfaultfd of the program's)",
            static_cast<unsigned long>(address));
        continue;
    }
  }
}

}  // namespace softgpu
