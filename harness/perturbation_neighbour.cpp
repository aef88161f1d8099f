// SPDX-License-Identifier: MIT
// Perturbations of memory beside the workload's: nothing that a device has to hear of.
#include <sys/mman.h>

#include <cstring>

#include "harness/perturbation_calls.hpp"
#include "harness/perturbation_timing.hpp"
#include "harness/smaps.hpp"

namespace notifier::perturbation_calls {
namespace {

constexpr int kFreshMemory = MAP_PRIVATE | MAP_ANONYMOUS;
constexpr std::size_t kNeighbourBytes = 64 << 10;
constexpr std::size_t kHugePageBytes = 2 << 20;
constexpr int kHammerRounds = 64;

/// Maps and writes memory at `wanted`; false when the addresses are taken.
bool populate_at(std::byte* wanted, std::size_t size_bytes) {
  void* mapped =
      mmap(wanted, size_bytes, PROT_READ | PROT_WRITE, kFreshMemory | MAP_FIXED_NOREPLACE, -1, 0);
  if (mapped == wanted) {
    std::memset(mapped, 1, size_bytes);
    return true;
  }
  if (mapped != MAP_FAILED) munmap(mapped, size_bytes);
  return false;
}

[[noreturn]] void no_room() {
  throw CannotPerform(
      "no room for a neighbour: the addresses beside the workload's memory are taken");
}

std::uint64_t huge_bytes(const std::byte* begin, std::size_t size_bytes) {
  return read_backing(begin, size_bytes).huge_bytes;
}

}  // namespace

void prepare_neighbour(EventContext& event) {
  event.spare_bytes = kNeighbourBytes;
  // Where the runtime chose the address, the room behind it may be taken.
  for (std::byte* wanted : {event.slice + event.slice_bytes, event.slice - kNeighbourBytes}) {
    event.spare = wanted;
    if (populate_at(wanted, kNeighbourBytes)) return;
  }
  no_room();
}

void perform_munmap_neighbour(EventContext& event) {
  int result = 0;
  timed(event, [&] { result = munmap(event.spare, event.spare_bytes); });
  throw_if(result != 0, "munmap of the neighbour");
}

void prepare_both_sides(EventContext& event) {
  event.spare = event.slice - kNeighbourBytes;
  event.spare_bytes = kNeighbourBytes;
  if (!populate_at(event.spare, kNeighbourBytes)) no_room();
  if (populate_at(event.slice + event.slice_bytes, kNeighbourBytes)) return;
  munmap(event.spare, kNeighbourBytes);
  no_room();
}

void perform_munmap_both_sides(EventContext& event) {
  int result = 0;
  timed(event, [&] {
    result = munmap(event.spare, kNeighbourBytes);
    if (result == 0) result = munmap(event.slice + event.slice_bytes, kNeighbourBytes);
  });
  throw_if(result != 0, "munmap of the neighbours");
}

void perform_munmap_hammer(EventContext& event) {
  bool done = true;
  timed(event, [&] {
    for (int round = 0; round < kHammerRounds && done; ++round) {
      done = munmap(event.spare, kNeighbourBytes) == 0 && populate_at(event.spare, kNeighbourBytes);
    }
    done = done && munmap(event.spare, kNeighbourBytes) == 0;
  });
  throw_if(!done, "mapping and unmapping the neighbour");
}

void prepare_nothing(EventContext& event) {
  prepare_neighbour(event);
  throw_if(munmap(event.spare, event.spare_bytes) != 0, "munmap of the neighbour");
}

void prepare_merge(EventContext& event) {
  event.spare = event.slice + event.slice_bytes;
  event.spare_bytes = kNeighbourBytes;
}

void perform_merge(EventContext& event) {
  void* mapped = nullptr;
  timed(event, [&] {
    mapped = mmap(event.spare, event.spare_bytes, PROT_READ | PROT_WRITE,
                  kFreshMemory | MAP_FIXED_NOREPLACE, -1, 0);
  });
  if (mapped != event.spare) no_room();
}

void finish_merge(EventContext& event) {
  // One mapping over both, or nothing has been merged (mm/vma.c can_vma_merge_after).
  const std::vector<MemoryMapping> mappings = read_smaps(event.spare - 1, 2);
  throw_if(munmap(event.spare, event.spare_bytes) != 0, "munmap of the neighbour");
  if (mappings.size() != 1) {
    throw CannotPerform("the kernel did not merge the neighbour into the workload's mapping");
  }
}

void perform_neighbour_dontneed(EventContext& event) {
  int result = 0;
  timed(event, [&] { result = madvise(event.spare, event.spare_bytes, MADV_DONTNEED); });
  throw_if(result != 0, "madvise(MADV_DONTNEED) on the neighbour");
}

void perform_neighbour_mprotect(EventContext& event) {
  int result = 0;
  timed(event, [&] {
    result = mprotect(event.spare, event.spare_bytes, PROT_READ);
    if (result == 0) result = mprotect(event.spare, event.spare_bytes, PROT_READ | PROT_WRITE);
  });
  throw_if(result != 0, "mprotect of the neighbour");
}

void prepare_huge_neighbour(EventContext& event) {
  const auto end = reinterpret_cast<std::uintptr_t>(event.slice + event.slice_bytes);
  event.spare =
      reinterpret_cast<std::byte*>((end + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes);
  event.spare_bytes = kHugePageBytes;
  void* mapped = mmap(event.spare, kHugePageBytes, PROT_READ | PROT_WRITE,
                      kFreshMemory | MAP_FIXED_NOREPLACE, -1, 0);
  if (mapped != event.spare) {
    if (mapped != MAP_FAILED) munmap(mapped, kHugePageBytes);
    no_room();
  }
  const bool asked = madvise(mapped, kHugePageBytes, MADV_HUGEPAGE) == 0;
  std::memset(mapped, 1, kHugePageBytes);
  const bool huge = asked && huge_bytes(event.spare, kHugePageBytes) == kHugePageBytes;
  // Or khugepaged may make the half that is left a whole huge page again before it is looked at
  // (max_ptes_none is 511 by default; mm/khugepaged.c hpage_collapse_scan_pmd).
  if (huge && madvise(mapped, kHugePageBytes, MADV_NOHUGEPAGE) == 0) return;
  munmap(mapped, kHugePageBytes);
  throw CannotPerform("the kernel gave no huge page to be split");
}

void perform_huge_split(EventContext& event) {
  int result = 0;
  timed(event, [&] { result = madvise(event.spare, event.spare_bytes / 2, MADV_DONTNEED); });
  throw_if(result != 0, "madvise(MADV_DONTNEED) on half of the neighbour");
}

void finish_neighbour(EventContext& event) {
  const bool split = huge_bytes(event.spare, event.spare_bytes) == 0;
  throw_if(munmap(event.spare, event.spare_bytes) != 0, "munmap of the neighbour");
  if (!split) throw std::runtime_error("the neighbour's huge page was not split");
}

}  // namespace notifier::perturbation_calls
