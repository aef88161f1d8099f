// SPDX-License-Identifier: MIT
// Perturbations of the workload's mapping: taken away, replaced, moved, protected.
#include <sys/mman.h>

#include <chrono>
#include <stdexcept>

#include "harness/integrity.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_timing.hpp"
#include "harness/protection_watchdog.hpp"

namespace notifier::perturbation_calls {
namespace {

constexpr int kPlaceholder = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
constexpr std::size_t kHugePageBytes = 2 << 20;

/// Keeps other allocations out of a hole until the memory returns.
void fill_hole(std::byte* begin, std::size_t size_bytes) {
  void* filler = mmap(begin, size_bytes, PROT_NONE, kPlaceholder | MAP_FIXED_NOREPLACE, -1, 0);
  throw_if(filler == MAP_FAILED, "mmap of a placeholder where the memory was");
}

/// Checks that [begin, begin + size_bytes) holds what belongs at word `first_word`, nothing newer
/// than the perturbing call: content that survived, and no later device write in it.
void scan_kept(EventContext& event, const std::byte* begin, std::size_t size_bytes,
               std::uint64_t first_word) {
  const RecordIdentity identity{event.seed, static_cast<std::uint32_t>(event.owner)};
  scan_child_copy(reinterpret_cast<const std::uint64_t*>(begin), first_word,
                  size_bytes / sizeof(std::uint64_t), identity, event.passes_at_return + 1,
                  event.board->findings);
}

void munmap_quarter(EventContext& event, std::size_t which) {
  // Huge pages go whole.
  const std::size_t unit = event.slice_bytes / 4 >= kHugePageBytes ? kHugePageBytes : 4096;
  const std::size_t quarter = event.slice_bytes / 4 / unit * unit;
  const bool last = which == 3;
  event.spare = last ? event.slice + event.slice_bytes - quarter : event.slice + which * quarter;
  event.spare_bytes = quarter;
  int result = 0;
  timed(event, [&] { result = munmap(event.spare, event.spare_bytes); });
  throw_if(result != 0, "munmap of a part of the workload's memory");
  fill_hole(event.spare, event.spare_bytes);
}

}  // namespace

void perform_munmap_front(EventContext& event) { munmap_quarter(event, 0); }
void perform_munmap_middle(EventContext& event) { munmap_quarter(event, 1); }
void perform_munmap_end(EventContext& event) { munmap_quarter(event, 3); }

void finish_munmap_part(EventContext& event) {
  const auto before_bytes = static_cast<std::size_t>(event.spare - event.slice);
  const std::byte* behind = event.spare + event.spare_bytes;
  const auto behind_bytes = static_cast<std::size_t>(event.slice + event.slice_bytes - behind);
  event.board->clear();
  scan_kept(event, event.slice, before_bytes, event.slice_begin_word);
  scan_kept(event, behind, behind_bytes,
            event.slice_begin_word + (event.slice_bytes - behind_bytes) / sizeof(std::uint64_t));
  event.buffer->map_again(event.spare, event.spare_bytes);
  event.buffer->prepare_again(event.spare, event.spare_bytes);
}

void perform_map_fixed(EventContext& event) {
  timed(event, [&] { event.buffer->map_again(event.slice, event.slice_bytes); });
  event.buffer->prepare_again(event.slice, event.slice_bytes);
}

void prepare_mremap(EventContext& event) {
  // Huge pages move whole to an address of their alignment, else they are split on the way.
  const std::size_t reserved_bytes = event.slice_bytes + kHugePageBytes;
  void* region = mmap(nullptr, reserved_bytes, PROT_NONE, kPlaceholder, -1, 0);
  throw_if(region == MAP_FAILED, "mmap of the address range to move to");
  const auto first = reinterpret_cast<std::uintptr_t>(region);
  const std::uintptr_t aligned = (first + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  event.spare = reinterpret_cast<std::byte*>(aligned);
  const std::uintptr_t end = aligned + event.slice_bytes;
  if (aligned != first) munmap(region, aligned - first);
  if (end != first + reserved_bytes) {
    munmap(reinterpret_cast<void*>(end), first + reserved_bytes - end);
  }
}

void perform_mremap_move(EventContext& event) {
  void* moved = nullptr;
  timed(event, [&] {
    moved = mremap(event.slice, event.slice_bytes, event.slice_bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
                   event.spare);
  });
  throw_if(moved == MAP_FAILED, "mremap of the workload's memory");
  fill_hole(event.slice, event.slice_bytes);
}

void finish_mremap_move(EventContext& event) {
  event.board->clear();
  scan_kept(event, event.spare, event.slice_bytes, event.slice_begin_word);
  void* back = mremap(event.spare, event.slice_bytes, event.slice_bytes,
                      MREMAP_MAYMOVE | MREMAP_FIXED, event.slice);
  throw_if(back == MAP_FAILED, "mremap of the memory back to its place");
  event.spare = nullptr;
}

void perform_mremap_hammer(EventContext& event) {
  constexpr int kRounds = 32;
  bool failed = false;
  const auto move = [&](std::byte* from, std::byte* to) {
    failed = failed || mremap(from, event.slice_bytes, event.slice_bytes,
                              MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED;
  };
  timed(event, [&] {
    for (int round = 0; round < kRounds && !failed; ++round) {
      move(event.slice, event.spare);
      move(event.spare, event.slice);
    }
  });
  throw_if(failed, "mremap there and back");
}

/// Only every second move has the memory in its place to be looked at.
void finish_mremap_hammer(EventContext& event) {
  event.board->clear();
  scan_kept(event, event.slice, event.slice_bytes, event.slice_begin_word);
  event.spare = nullptr;
}

void perform_mremap_dontunmap(EventContext& event) {
  void* moved = nullptr;
  timed(event, [&] {
    moved = mremap(event.slice, event.slice_bytes, event.slice_bytes,
                   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, event.spare);
  });
  throw_if(moved == MAP_FAILED, "mremap(MREMAP_DONTUNMAP), which needs Linux 5.7 or newer");
}

void finish_mremap_dontunmap(EventContext& event) {
  event.board->clear();
  scan_kept(event, event.spare, event.slice_bytes, event.slice_begin_word);
  throw_if(munmap(event.spare, event.slice_bytes) != 0, "munmap of the moved pages");
  event.spare = nullptr;
}

namespace {

// Longer than a preemption may take (queue_preemption_timeout_ms, kfd_facts §4): the first mprotect
// contains one.
constexpr std::chrono::seconds kWithoutRightsLimit{10};

// One thread for all events of a worker.
ProtectionWatchdog& protection_watchdog() {
  static ProtectionWatchdog watchdog;
  return watchdog;
}

void protect_for_a_moment(EventContext& event, int rights) {
  int result = 0;
  ProtectionWatchdog& watchdog = protection_watchdog();
  watchdog.arm(event.slice, event.slice_bytes, PROT_READ | PROT_WRITE, kWithoutRightsLimit);
  timed(event, [&] {
    result = mprotect(event.slice, event.slice_bytes, rights);
    if (result == 0) result = mprotect(event.slice, event.slice_bytes, PROT_READ | PROT_WRITE);
  });
  const bool undone = watchdog.disarm();
  throw_if(result != 0, "mprotect to fewer rights and back");
  if (undone) throw std::runtime_error("mprotect took so long that the watchdog undid it");
}

}  // namespace

void prepare_protection(EventContext&) { protection_watchdog(); }

void perform_mprotect_ro_rw(EventContext& event) { protect_for_a_moment(event, PROT_READ); }
void perform_mprotect_none_rw(EventContext& event) { protect_for_a_moment(event, PROT_NONE); }

}  // namespace notifier::perturbation_calls
