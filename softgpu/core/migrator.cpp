// SPDX-License-Identifier: MIT
#include "softgpu/core/migrator.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "softgpu/core/proc_maps.hpp"
#include "softgpu/core/program_memory.hpp"

namespace softgpu {
namespace {

constexpr int kDontneedLocked = 24;  // MADV_DONTNEED_LOCKED, Linux 5.18

/// svm_range_set_max_pages of kfd_svm.c: a 32nd of device memory, 2 MiB to 1 GiB.
std::uint64_t most_pages_of(std::size_t vram_bytes) {
  constexpr std::uint64_t kMost = 1ull << 18;
  const std::uint64_t pages = vram_bytes / 32 / kPageSize;
  return std::bit_floor(std::clamp<std::uint64_t>(pages, kBlockPages, kMost));
}

std::uint32_t node_of(std::uint8_t location) {
  if (Location::is_device(location)) {
    return gpu_id(Location::device(location));
  }
  return location == Location::kHost ? Migration::kHostNode : Migration::kUndefinedNode;
}

}  // namespace

Migrator::Migrator(const Parts& parts, const Settings& settings)
    : parts_(parts), plant_(settings.plant), most_pages_(most_pages_of(settings.vram_bytes)) {}

/// Under the registry lock.
Migration Migrator::describe(const PageRun& run, std::uint32_t device, MigrateTrigger trigger) {
  return {.device = device,
          .address = run.begin(),
          .size_bytes = run.size_bytes(),
          .from_node = Migration::kHostNode,
          .to_node = Migration::kHostNode,
          .prefetch_node = node_of(run.range->attributes[run.first_page].prefetched),
          .preferred_node = node_of(run.range->attributes[run.first_page].preferred),
          .trigger = trigger};
}

std::uint32_t Migrator::device_of(std::uint64_t entry) const {
  return parts_.vram.device_at_host(Pte::vram_host(entry));
}

void Migrator::end_invalidation(bool hit) {
  parts_.notifier.end(hit);
  parts_.notifier.tell_worker();
}

/// Private anonymous memory that the CPU may read and write; the kernel moves more than that.
bool Migrator::is_movable(const PageRun& run) {
  const std::uintptr_t end = run.begin() + run.size_bytes();
  std::uintptr_t reached = run.begin();
  bool movable = true;
  for_each_vma(run.begin(), end, [&](const Vma& vma) {
    movable = movable && vma.begin <= reached && vma.readable && vma.writable && !vma.shared &&
              vma.inode == 0;
    reached = vma.end;
  });
  return movable && reached >= end;
}

Migrator::Outcome Migrator::to_device(const PageRun& run, std::uint32_t device,
                                      MigrateTrigger trigger, const Interval& keep) {
  if (!is_movable(run)) {
    return Outcome::kRefused;
  }
  const std::optional<std::uintptr_t> offset = take_vram(device, run.size_bytes(), keep);
  if (!offset) {
    return Outcome::kNoRoom;
  }
  Migration migration;
  {
    const std::lock_guard lock(parts_.registry.lock());
    migration = describe(run, device, trigger);
  }
  migration.to_node = gpu_id(device);
  parts_.events.migrate_start(migration);
  const Interval named{run.begin(), run.begin() + run.size_bytes()};
  const bool hit = parts_.notifier.start({&named, 1}, InvalidationCause::kMigrate);
  VramPool& pool = parts_.vram.pool(device);
  const bool moved = take_pages(run, pool.host_begin() + *offset);
  if (moved) {
    commit_resident(run, pool.host_begin() + *offset);
  } else {
    pool.give_back(*offset, run.size_bytes());
  }
  end_invalidation(hit);
  parts_.events.migrate_end(migration, moved ? 0 : EBUSY);
  return moved ? Outcome::kMoved : Outcome::kRefused;
}

/// The CPU's writes wait from guard() on, and its reads from the moment that the pages go: what was
/// copied is what the CPU wrote last.
bool Migrator::take_pages(const PageRun& run, std::uintptr_t vram_host) {
  // A mapping without pages could not become one again with its neighbours when it is released.
  void* begin = reinterpret_cast<void*>(run.begin());
  madvise(begin, kPageSize, MADV_POPULATE_WRITE);
  if (!userfault_.guard(run.begin(), run.size_bytes())) {
    return false;
  }
  if (copy_program_memory(run.begin(), run.size_bytes(), vram_host) &&
      madvise(begin, run.size_bytes(), kDontneedLocked) == 0) {
    return true;
  }
  userfault_.release(run.begin(), run.size_bytes());
  return false;
}

void Migrator::commit_resident(const PageRun& run, std::uintptr_t vram_host) {
  ++migrations_;
  resident_pages_.fetch_add(run.pages(), std::memory_order_relaxed);
  const std::lock_guard lock(parts_.registry.lock());
  Range& range = *run.range;
  for (std::uint64_t page = run.first_page; page < run.end_page; ++page) {
    range.entries[page] = Pte::make_resident(vram_host + (page - run.first_page) * kPageSize);
    range.resident_since[range.block_of(page)] = migrations_;
  }
  range.pages = RangePages::kMixed;
  range.resident_pages += run.pages();
}

void Migrator::to_host(const PageRun& run, MigrateTrigger trigger) {
  const std::uint32_t device = parts_.vram.device_at_host(piece_at(run, run.first_page).vram_host);
  Migration migration;
  {
    const std::lock_guard lock(parts_.registry.lock());
    migration = describe(run, device, trigger);
  }
  migration.from_node = gpu_id(device);
  parts_.events.migrate_start(migration);
  const Interval named{run.begin(), run.begin() + run.size_bytes()};
  const bool hit = parts_.notifier.start({&named, 1}, InvalidationCause::kMigrate);
  put_back(run);
  commit_home(run);
  end_invalidation(hit);
  parts_.events.migrate_end(migration, 0);
  userfault_.release(run.begin(), run.size_bytes());  // as in KFD: the CPU's fault ends last
}

/// Pages from this one on that are one piece of device memory.
Migrator::Piece Migrator::piece_at(const PageRun& run, std::uint64_t page) {
  const std::lock_guard lock(parts_.registry.lock());
  const std::uint64_t* entries = run.range->entries.get();
  Piece piece{Pte::vram_host(entries[page]), 1};
  while (page + piece.pages < run.end_page &&
         Pte::vram_host(entries[page + piece.pages]) == piece.vram_host + piece.pages * kPageSize) {
    ++piece.pages;
  }
  return piece;
}

bool Migrator::put_back(const PageRun& run) {
  for (std::uint64_t page = run.first_page; page < run.end_page;) {
    const Piece piece = piece_at(run, page);
    if (!put_piece(run.range->page_address(page), piece)) {
      return false;
    }
    page += piece.pages;
  }
  return true;
}

bool Migrator::put_piece(std::uintptr_t begin, const Piece& piece) {
  alignas(kPageSize) static constexpr unsigned char kEmptyPage[kPageSize] = {};
  std::uint64_t lost = 0;
  if (plant_ == Plant::kLostCopyBack) {
    lost = 1;
    if (!userfault_.put(begin, reinterpret_cast<std::uintptr_t>(kEmptyPage), kPageSize)) {
      return false;
    }
  }
  return lost == piece.pages ||
         userfault_.put(begin + lost * kPageSize, piece.vram_host + lost * kPageSize,
                        (piece.pages - lost) * kPageSize);
}

void Migrator::commit_home(const PageRun& run) {
  resident_pages_.fetch_sub(run.pages(), std::memory_order_relaxed);
  const std::lock_guard lock(parts_.registry.lock());
  Range& range = *run.range;
  const bool keeps_copy = plant_ == Plant::kStaleDeviceCopy && range.stale_copy == 0;
  if (keeps_copy) {
    range.stale_page = run.first_page;
    range.stale_copy = Pte::vram_host(range.entries[run.first_page]);
  }
  for (std::uint64_t page = run.first_page; page < run.end_page; ++page) {
    give_back(range.entries[page], keeps_copy && page == range.stale_page);
    range.entries[page] = 0;
  }
  range.resident_pages -= run.pages();
}

void Migrator::give_back(std::uint64_t entry, bool keeps_copy) {
  if (!keeps_copy) {
    VramPool& pool = parts_.vram.pool(device_of(entry));
    pool.give_back(Pte::vram_host(entry) - pool.host_begin(), kPageSize);
  }
}

void Migrator::bring_home(std::span<const Interval> intervals, InvalidationCause cause) {
  if (resident_pages_.load(std::memory_order_relaxed) == 0) {
    return;
  }
  const Wanted wanted =
      cause == InvalidationCause::kFork ? Wanted::kResidentAndForked : Wanted::kResident;
  for (const Interval& interval : intervals) {
    for (PageRun run = first_run(interval.begin, interval.end, wanted); !run.empty();
         run = first_run(run.begin() + run.size_bytes(), interval.end, wanted)) {
      to_host(run, MigrateTrigger::kPageFaultCpu);
    }
  }
}

std::optional<std::uintptr_t> Migrator::take_vram(std::uint32_t device, std::size_t size_bytes,
                                                  const Interval& keep) {
  for (;;) {
    if (const auto offset = parts_.vram.pool(device).take(size_bytes)) {
      return offset;
    }
    const PageRun oldest = oldest_block(device, keep);
    if (oldest.empty()) {
      return std::nullopt;
    }
    to_host(oldest, MigrateTrigger::kTtmEviction);
  }
}

void Migrator::forget(Range& range) {
  for (std::uint64_t page = 0; range.resident_pages != 0 && page < range.page_count; ++page) {
    if (Pte::is_resident(range.entries[page])) {
      give_back(range.entries[page], false);
      userfault_.release(range.page_address(page), kPageSize);
      range.entries[page] = 0;
      --range.resident_pages;
      resident_pages_.fetch_sub(1, std::memory_order_relaxed);
    }
  }
}

void Migrator::serve_cpu_faults() {
  for (;;) {
    const std::uintptr_t page = userfault_.next_fault();
    if (page == 0) {
      continue;
    }
    const std::lock_guard lock(lock_);
    const PageRun run = block_around(page);
    if (run.empty()) {
      // It came home meanwhile, or a mapping that was guarded has grown.
      userfault_.release(page, kPageSize);
      userfault_.retry(page);
    } else {
      to_host(run, MigrateTrigger::kPageFaultCpu);
    }
  }
}

}  // namespace softgpu
