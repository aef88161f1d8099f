// SPDX-License-Identifier: MIT
#include "softgpu/core/fault_server.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "softgpu/core/clock.hpp"
#include "softgpu/core/futex.hpp"

namespace softgpu {

void FaultServer::serve_for(RetryFault& fault) {
  fault.since_ns = read_clock_ns(CLOCK_BOOTTIME);
  fault.due_ns = 0;
  fault.fatal.reset();
  fault.next = nullptr;
  fault.pending.store(1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(faults_lock_);
    (last_ != nullptr ? last_->next : first_) = &fault;
    last_ = &fault;
  }
  work_.fetch_add(1, std::memory_order_release);
  futex_wake_all(work_);
  while (fault.pending.load(std::memory_order_acquire) != 0) {
    futex_wait(fault.pending, 1);
  }
}

void FaultServer::serve() {
  for (;;) {
    const std::uint32_t seen = work_.load(std::memory_order_acquire);
    std::int64_t wait_ns = -1;
    RetryFault* fault = take_due(wait_ns);
    if (fault == nullptr) {
      futex_wait(work_, seen, wait_ns);
    } else if (serve(*fault)) {
      fault->pending.store(0, std::memory_order_release);
      futex_wake_all(fault->pending);
    } else {
      put_off(*fault);
    }
  }
}

/// The fault that has waited longest of those that are due; null, with the time until one is.
RetryFault* FaultServer::take_due(std::int64_t& wait_ns) {
  const std::uint64_t now_ns = read_clock_ns(CLOCK_MONOTONIC);
  const std::lock_guard lock(faults_lock_);
  RetryFault* previous = nullptr;
  for (RetryFault* fault = first_; fault != nullptr; fault = fault->next) {
    if (fault->due_ns <= now_ns) {
      (previous != nullptr ? previous->next : first_) = fault->next;
      last_ = last_ == fault ? previous : last_;
      return fault;
    }
    const auto left_ns = static_cast<std::int64_t>(fault->due_ns - now_ns);
    wait_ns = wait_ns < 0 ? left_ns : std::min(wait_ns, left_ns);
    previous = fault;
  }
  return nullptr;
}

void FaultServer::put_off(RetryFault& fault) {
  const std::lock_guard lock(faults_lock_);
  fault.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &fault;
  last_ = &fault;
}

/// False: to be looked at again when it is due. Hardware repeats a fault that the driver skips.
bool FaultServer::serve(RetryFault& fault) {
  const std::lock_guard memory_lock(parts_.memory.lock());
  system_.collect();
  // Only where pages live in device memory, or are to: held calls wait for this lock.
  MigrationLock migration_lock(parts_.migrator.lock(), std::defer_lock);
  for (bool answered = false;;) {
    if (find_and_validate(fault, migration_lock, answered)) {
      return answered;
    }
  }
}

/// False: all has to be looked at again.
bool FaultServer::find_and_validate(RetryFault& fault, MigrationLock& migration_lock,
                                    bool& answered) {
  Window window;
  answered = true;
  switch (find_window(fault, window)) {
    case Lookup::kChanging:
      let_go(migration_lock);
      parts_.notifier.wait_for_ends([this] { parts_.forks.poll(); });
      return false;
    case Lookup::kPresent:
      return true;
    case Lookup::kTooSoon:
      answered = false;
      return true;
    case Lookup::kNotRetried:
      fault.fatal = TranslationFault::kNotMapped;
      return true;
    case Lookup::kNoRange:
      fault.fatal = adopt(fault);
      let_go(migration_lock);
      parts_.notifier.wait_for_changes([this] { parts_.forks.poll(); });
      return fault.fatal.has_value();
    case Lookup::kFound:
      break;
  }
  if ((window.resident || window.moves()) && !migration_lock.owns_lock()) {
    migration_lock.lock();
    return false;
  }
  return validate(fault, window);
}

/// Before waiting for calls, which wait for the lock themselves.
void FaultServer::let_go(MigrationLock& migration_lock) {
  if (migration_lock.owns_lock()) {
    migration_lock.unlock();
  }
}

/// Makes a range of memory that the device has not known.
std::optional<TranslationFault> FaultServer::adopt(const RetryFault& fault) {
  Vma vma;
  if (const std::optional<TranslationFault> refused = find_mapping(fault, vma)) {
    return refused;
  }
  if (system_.adopt(fault.address, vma) == nullptr) {
    return TranslationFault::kNotMapped;  // part of a userptr BO, which has device addresses
  }
  parts_.notifier.wake_worker();  // it finds out what fork will do with the range
  return std::nullopt;
}

FaultServer::Lookup FaultServer::find_window(RetryFault& fault, Window& window) {
  const std::lock_guard lock(parts_.registry.lock());
  if (!parts_.notifier.is_quiet()) {
    return Lookup::kChanging;
  }
  const IntervalTree& tree = parts_.registry.device_tree();
  for (IntervalNode* node = tree.first_overlap(fault.address, fault.address); node != nullptr;
       node = tree.next_overlap(*node, fault.address, fault.address)) {
    Range& range = range_of(*node);
    const std::uint64_t page = (fault.address - range.device_begin) >> kPageShift;
    if ((range.entries[page] & Pte::kUnmapped) == 0) {
      return look_at(fault, range, page, window);
    }
  }
  return Lookup::kNoRange;
}

/// svm_range_best_restore_location of kfd_svm.c: the preferred location wins, memory with plain
/// access goes to the device that faults, memory with access in place stays.
std::uint8_t FaultServer::best_location(const Range& range, std::uint64_t page,
                                        std::uint32_t device) {
  if (!range.can_migrate()) {
    return Location::kUndefined;
  }
  const std::uint8_t preferred = range.attributes[page].preferred;
  const bool follows = (range.access.migrating & DeviceAccess::bit(device)) != 0;
  return preferred == Location::kUndefined && follows ? Location::of_device(device) : preferred;
}

/// Under the registry lock: the pages around the fault that its granularity takes in.
FaultServer::Lookup FaultServer::look_at(RetryFault& fault, Range& range, std::uint64_t page,
                                         Window& window) {
  const std::uint64_t rights =
      Pte::kValid | (fault.access == Access::kWrite ? Pte::kWritable : 0ull);
  if (range.invalid != 0 || (range.entries[page] & rights) == rights) {
    return Lookup::kPresent;
  }
  if (!range.retries || !range.access.any()) {
    return Lookup::kNotRetried;
  }
  const std::uint64_t due_ns = range.validated_ns[range.block_of(page)] + window_ns_;
  if (due_ns > window_ns_ && read_clock_ns(CLOCK_MONOTONIC) < due_ns) {
    fault.due_ns = due_ns;
    return Lookup::kTooSoon;
  }
  window = {.range = &range,
            .page = page,
            .first_page = page,
            .end_page = page + 1,
            .invalidations = range.invalidations,
            .has_valid = false,
            .writable = true};
  window.resident = Pte::is_resident(range.entries[page]);
  window.target = best_location(range, page, fault.device);
  const auto belongs = [&](std::uint64_t other) {
    const std::uint64_t entry = range.entries[other];
    window.has_valid = window.has_valid || (entry & Pte::kValid) != 0;
    return range.same_grain(page, other) &&
           (window.resident ? Pte::is_resident(entry) : Pte::is_at_home(entry)) &&
           best_location(range, other, fault.device) == window.target;
  };
  while (window.first_page > 0 && belongs(window.first_page - 1)) {
    --window.first_page;
  }
  while (window.end_page < range.page_count && belongs(window.end_page)) {
    ++window.end_page;
  }
  return Lookup::kFound;
}

/// As svm_fault_allowed of kfd_svm.c.
std::optional<TranslationFault> FaultServer::find_mapping(const RetryFault& fault, Vma& vma) const {
  bool found = false;
  for_each_vma(fault.address, fault.address + 1, [&](const Vma& each) {
    vma = each;
    vma.path = {};
    found = true;
  });
  if (!found || !vma.readable) {
    return TranslationFault::kNotMapped;
  }
  return fault.access == Access::kWrite && !vma.writable
             ? std::optional(TranslationFault::kReadOnly)
             : std::nullopt;
}

/// Maps the window, or as much of it as the mapping around the fault allows. False when memory has
/// changed meanwhile and all has to be looked at again.
bool FaultServer::validate(RetryFault& fault, Window& window) {
  if (window.has_valid) {
    parts_.auditor.audit(window.begin(), window.end(), UINT64_MAX);
  }
  parts_.events.page_fault_start(fault.device, fault.address, fault.access, fault.since_ns);
  const bool migrated = window.moves() && migrate(window);
  const Mapped mapped =
      migrated || window.resident ? map_resident(fault, window) : map_pages(fault, window);
  // KFD writes it whatever came of it.
  parts_.events.page_fault_end(fault.device, fault.address, migrated);
  return mapped != Mapped::kChanged;
}

/// False: the pages stay at home, as in KFD when device memory is full.
bool FaultServer::migrate(Window& window) {
  const PageRun run{window.range, window.first_page, window.end_page};
  const Interval keep{window.begin(), window.end()};
  const bool moved =
      parts_.migrator.to_device(run, Location::device(window.target), MigrateTrigger::kPageFaultGpu,
                                keep) == Migrator::Outcome::kMoved;
  const std::lock_guard lock(parts_.registry.lock());
  window.invalidations = window.range->invalidations;  // migration is one itself
  return moved;
}

FaultServer::Mapped FaultServer::map_pages(RetryFault& fault, Window& window) {
  Mapped mapped = map_window(window);
  if (mapped == Mapped::kNoPages) {
    Vma vma;
    fault.fatal = find_mapping(fault, vma);
    if (!fault.fatal) {
      window.clip_to(vma);
      mapped = map_window(window);
    }
  }
  if (!fault.fatal && mapped == Mapped::kNoPages && window.pages() > 1) {
    window.first_page = window.page;  // the rest may lie beyond the end of a file
    window.end_page = window.page + 1;
    mapped = map_window(window);
  }
  if (!fault.fatal && mapped == Mapped::kNoPages) {
    fault.fatal = TranslationFault::kNotMapped;
  }
  return mapped;
}

/// Pages in device memory are there already; the mapping says what may be done with them.
FaultServer::Mapped FaultServer::map_resident(RetryFault& fault, Window& window) {
  Vma vma;
  fault.fatal = find_mapping(fault, vma);
  if (fault.fatal) {
    return Mapped::kNoPages;
  }
  window.clip_to(vma);
  {
    const std::lock_guard lock(parts_.registry.lock());
    std::copy_n(window.range->entries.get() + window.first_page, window.pages(), staged_.begin());
  }
  const std::uint64_t rights = Pte::kValid | (window.writable ? Pte::kWritable : 0ull);
  std::for_each_n(staged_.begin(), window.pages(), [&](std::uint64_t& entry) { entry |= rights; });
  return commit(window);
}

void FaultServer::Window::clip_to(const Vma& vma) {
  const std::uintptr_t first = std::max(begin(), vma.begin);
  const std::uintptr_t last = std::min(end(), vma.end);
  first_page = (first - range->host_begin) >> kPageShift;
  end_page = (last - range->host_begin) >> kPageShift;
  writable = vma.writable;
}

FaultServer::Mapped FaultServer::map_window(Window& window) {
  const int advice = window.writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
  if (madvise(reinterpret_cast<void*>(window.begin()), window.end() - window.begin(), advice) !=
      0) {
    return errno == EAGAIN || errno == EINTR ? Mapped::kChanged : Mapped::kNoPages;
  }
  if (!parts_.pagemap.read(window.begin(), window.pages(), staged_.data())) {
    return Mapped::kNoPages;
  }
  for (std::uint64_t index = 0; index < window.pages(); ++index) {
    if ((staged_[index] & Pagemap::kPresent) == 0) {
      return Mapped::kChanged;
    }
    staged_[index] = Pte::make(staged_[index] & Pagemap::kFrameMask, window.writable);
  }
  return commit(window);
}

FaultServer::Mapped FaultServer::commit(const Window& window) {
  const std::lock_guard lock(parts_.registry.lock());
  Range& range = *window.range;
  if (range.invalidations != window.invalidations) {
    return Mapped::kChanged;
  }
  std::copy_n(staged_.begin(), window.pages(), range.entries.get() + window.first_page);
  range.mapped = true;
  range.validated_ns[range.block_of(window.page)] = read_clock_ns(CLOCK_MONOTONIC);
  return Mapped::kYes;
}

}  // namespace softgpu
