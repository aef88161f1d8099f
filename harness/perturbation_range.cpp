// SPDX-License-Identifier: MIT
// Perturbations of a range of memory: the workload's own or its neighbour's.
#include <linux/mman.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "harness/huge_pages.hpp"
#include "harness/integrity.hpp"
#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_timing.hpp"
#include "harness/protection_watchdog.hpp"

#ifndef MADV_COLLAPSE  // Linux 6.1, include/uapi/asm-generic/mman-common.h; Debian 12's libc lacks
                       // it
#define MADV_COLLAPSE 25
#endif

namespace notifier::perturbation_calls {
namespace {

constexpr int kFreshMemory = MAP_PRIVATE | MAP_ANONYMOUS;
constexpr std::size_t kNeighbourBytes = 64 << 10;

/// Keeps other allocations out of the hole until the memory returns.
void fill_hole(EventContext& event) {
  void* filler = mmap(event.slice, event.slice_bytes, PROT_NONE,
                      kFreshMemory | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  throw_if(filler == MAP_FAILED, "mmap of a placeholder where the memory was");
}

}  // namespace

void prepare_neighbour(EventContext& event) {
  // Where the runtime chose the address, the room behind it may be taken.
  for (std::byte* wanted : {event.slice + event.slice_bytes, event.slice - kNeighbourBytes}) {
    void* neighbour = mmap(wanted, kNeighbourBytes, PROT_READ | PROT_WRITE,
                           kFreshMemory | MAP_FIXED_NOREPLACE, -1, 0);
    if (neighbour == wanted) {
      std::memset(neighbour, 1, kNeighbourBytes);
      event.spare = wanted;
      return;
    }
    if (neighbour != MAP_FAILED) munmap(neighbour, kNeighbourBytes);
  }
  throw CannotPerform(
      "no room for a neighbour: the addresses before and behind the workload's memory are taken");
}

void perform_munmap_neighbour(EventContext& event) {
  int result = 0;
  timed(event, [&] { result = munmap(event.spare, kNeighbourBytes); });
  throw_if(result != 0, "munmap of the neighbour");
}

void perform_map_fixed(EventContext& event) {
  void* replaced = nullptr;
  timed(event, [&] {
    replaced = mmap(event.slice, event.slice_bytes, PROT_READ | PROT_WRITE,
                    kFreshMemory | MAP_FIXED, -1, 0);
  });
  throw_if(replaced == MAP_FAILED, "mmap(MAP_FIXED) over the workload's memory");
  keep_base_pages(event.slice, event.slice_bytes);  // the new mapping has none of the old advice
}

void perform_dontneed(EventContext& event) {
  int result = 0;
  timed(event, [&] { result = madvise(event.slice, event.slice_bytes, MADV_DONTNEED); });
  throw_if(result != 0, "madvise(MADV_DONTNEED)");
}

void prepare_collapse(EventContext& event) { permit_collapse(event.slice, event.slice_bytes); }

void perform_collapse(EventContext& event) {
  int result = 0;
  timed(event, [&] { result = madvise(event.slice, event.slice_bytes, MADV_COLLAPSE); });
  throw_if(result != 0, "madvise(MADV_COLLAPSE), which needs Linux 6.1 or newer");
}

void finish_collapse(EventContext& event) { keep_base_pages(event.slice, event.slice_bytes); }

void prepare_mremap(EventContext& event) {
  void* target = mmap(nullptr, event.slice_bytes, PROT_NONE, kFreshMemory | MAP_NORESERVE, -1, 0);
  throw_if(target == MAP_FAILED, "mmap of the address range to move to");
  event.spare = static_cast<std::byte*>(target);
}

void perform_mremap_move(EventContext& event) {
  void* moved = nullptr;
  timed(event, [&] {
    moved = mremap(event.slice, event.slice_bytes, event.slice_bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
                   event.spare);
  });
  throw_if(moved == MAP_FAILED, "mremap of the workload's memory");
  fill_hole(event);
}

void finish_mremap_move(EventContext& event) {
  const RecordIdentity identity{event.seed, static_cast<std::uint32_t>(event.owner)};
  // The content must have moved with the pages, and no later device write may have reached it.
  event.board->clear();
  scan_child_copy(reinterpret_cast<const std::uint64_t*>(event.spare), event.slice_begin_word,
                  event.slice_bytes / sizeof(std::uint64_t), identity, event.passes_at_return + 1,
                  event.board->findings);
  void* back = mremap(event.spare, event.slice_bytes, event.slice_bytes,
                      MREMAP_MAYMOVE | MREMAP_FIXED, event.slice);
  throw_if(back == MAP_FAILED, "mremap of the memory back to its place");
  event.spare = nullptr;
}

namespace {

// Longer than a preemption may take (queue_preemption_timeout_ms, kfd_facts §4): the first mprotect
// contains one.
constexpr std::chrono::seconds kReadOnlyLimit{10};

// One thread for all events of a worker.
ProtectionWatchdog& protection_watchdog() {
  static ProtectionWatchdog watchdog;
  return watchdog;
}

}  // namespace

void prepare_mprotect_ro_rw(EventContext&) { protection_watchdog(); }

void perform_mprotect_ro_rw(EventContext& event) {
  int result = 0;
  ProtectionWatchdog& watchdog = protection_watchdog();
  watchdog.arm(event.slice, event.slice_bytes, PROT_READ | PROT_WRITE, kReadOnlyLimit);
  timed(event, [&] {
    result = mprotect(event.slice, event.slice_bytes, PROT_READ);
    if (result == 0) result = mprotect(event.slice, event.slice_bytes, PROT_READ | PROT_WRITE);
  });
  const bool undone = watchdog.disarm();
  throw_if(result != 0, "mprotect to read-only and back");
  if (undone) throw std::runtime_error("mprotect took so long that the watchdog undid it");
}

}  // namespace notifier::perturbation_calls
