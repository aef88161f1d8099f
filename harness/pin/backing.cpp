// SPDX-License-Identifier: MIT
#include "harness/pin/backing.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ostream>

#include "harness/pin/error.hpp"
#include "harness/pin/region.hpp"
#include "harness/smaps.hpp"

namespace notifier::pin {
namespace {

constexpr std::size_t kHalfBytes = kHugeBytes / 2;

void require_no_huge_mapping(const Region& region) {
  if (read_backing(region.address(), kHugeBytes).huge_bytes != 0) {
    throw CannotRun("the huge page is still mapped as one");
  }
}

// Other rights for one page, for a moment, need a page table of 512 entries
// (mm/huge_memory.c __split_huge_pmd); the huge page itself stays whole.
void map_by_entries(Region& region) {
  std::byte* second = region.address() + kPageBytes;
  throw_if(mprotect(second, kPageBytes, PROT_READ) != 0, "mprotect(PROT_READ)");
  throw_if(mprotect(second, kPageBytes, PROT_READ | PROT_WRITE) != 0, "mprotect");
  require_no_huge_mapping(region);
}

void drop_the_rest(Region& region) {
  throw_if(madvise(region.address() + kUsedBytes, kHugeBytes - kUsedBytes, MADV_DONTNEED) != 0,
           "madvise(MADV_DONTNEED)");
  require_no_huge_mapping(region);
}

void move_half_away(Region& region) {
  void* target = mmap(nullptr, kHalfBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  throw_if(target == MAP_FAILED, "mmap of the place to move to");
  region.split_off({static_cast<std::byte*>(target), kHalfBytes});
  throw_if(mremap(region.address() + kHalfBytes, kHalfBytes, kHalfBytes,
                  MREMAP_MAYMOVE | MREMAP_FIXED, target) == MAP_FAILED,
           "mremap");
  require_no_huge_mapping(region);
}

// Only the first page was ever shared with a child.
void share_first_page(Region& region) {
  std::byte* second = region.address() + kPageBytes;
  throw_if(madvise(second, kHugeBytes - kPageBytes, MADV_DONTFORK) != 0, "madvise(MADV_DONTFORK)");
  const pid_t child = fork();
  if (child == 0) _exit(0);
  throw_if(child < 0, "fork");
  while (waitpid(child, nullptr, 0) < 0) throw_if(errno != EINTR, "waitpid");
  throw_if(madvise(second, kHugeBytes - kPageBytes, MADV_DOFORK) != 0, "madvise(MADV_DOFORK)");
  require_no_huge_mapping(region);
}

constexpr std::array kTable = {
    BackingRow{
        .backing = Backing::kAnon, .name = "anon", .summary = "base pages", .pages = Pages::kBase},
    BackingRow{.backing = Backing::kThp,
               .name = "thp",
               .summary = "transparent huge page, mapped by one entry",
               .pages = Pages::kTransparentHuge},
    BackingRow{.backing = Backing::kAnonSwapped,
               .name = "anon_swapped",
               .summary = "base pages, swapped out before the actor comes",
               .pages = Pages::kBase,
               .swapped = true},
    BackingRow{.backing = Backing::kThpSwapped,
               .name = "thp_swapped",
               .summary = "transparent huge page, swapped out",
               .pages = Pages::kTransparentHuge,
               .swapped = true},
    BackingRow{.backing = Backing::kThpPte,
               .name = "thp_pte",
               .summary = "transparent huge page, mapped by 512 entries",
               .pages = Pages::kTransparentHuge,
               .shape = map_by_entries},
    BackingRow{.backing = Backing::kThpPteSwapped,
               .name = "thp_pte_swapped",
               .summary = "the same, swapped out",
               .pages = Pages::kTransparentHuge,
               .swapped = true,
               .shape = map_by_entries},
    BackingRow{.backing = Backing::kThpSingle,
               .name = "thp_single",
               .summary = "transparent huge page of which 16 pages are still mapped",
               .pages = Pages::kTransparentHuge,
               .area_bytes = kUsedBytes,
               .shape = drop_the_rest},
    BackingRow{.backing = Backing::kThpSingleSwapped,
               .name = "thp_single_swapped",
               .summary = "the same, swapped out",
               .pages = Pages::kTransparentHuge,
               .swapped = true,
               .area_bytes = kUsedBytes,
               .shape = drop_the_rest},
    BackingRow{.backing = Backing::kThpPartialMremap,
               .name = "thp_partial_mremap",
               .summary = "transparent huge page whose second half was moved away (mremap)",
               .pages = Pages::kTransparentHuge,
               .area_bytes = kHalfBytes,
               .shape = move_half_away},
    BackingRow{.backing = Backing::kThpPartialShared,
               .name = "thp_partial_shared",
               .summary = "transparent huge page whose first page was once shared with a child",
               .pages = Pages::kTransparentHuge,
               .shape = share_first_page},
    BackingRow{.backing = Backing::kHugetlb,
               .name = "hugetlb",
               .summary = "page of the huge page pool (MAP_HUGETLB)",
               .pages = Pages::kHugetlb},
};

bool all_swapped(std::span<const std::byte> memory) {
  for (std::size_t done = 0; done < memory.size(); done += kUsedBytes) {
    std::array<PageEntry, kFrames> entries{};
    if (!read_page_entries(memory.data() + done, entries)) return false;
    if (!std::ranges::all_of(entries, [](PageEntry entry) { return entry.swapped(); })) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const BackingRow& row) { return out << row.name; }

std::span<const BackingRow> backings() { return kTable; }
const BackingRow& info(Backing backing) { return kTable[static_cast<std::size_t>(backing)]; }
std::string_view to_string(Backing backing) { return info(backing).name; }
bool is_plain(Backing backing) { return backing == Backing::kAnon || backing == Backing::kThp; }

void swap_out(std::span<std::byte> memory) {
  throw_if(madvise(memory.data(), memory.size(), MADV_PAGEOUT) != 0, "madvise(MADV_PAGEOUT)");
  if (!all_swapped(memory)) {
    throw CannotRun("madvise(MADV_PAGEOUT) left pages in memory; swap is needed (/proc/swaps)");
  }
}

}  // namespace notifier::pin
