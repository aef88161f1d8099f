// SPDX-License-Identifier: MIT
// Which pages live where.
#include <algorithm>

#include "softgpu/core/migrator.hpp"

namespace softgpu {
namespace {

bool overlaps(const PageRun& run, const Interval& interval) {
  return run.begin() < interval.end && interval.begin < run.begin() + run.size_bytes();
}

bool is_wanted(const Range& range, Migrator::Wanted wanted) {
  switch (wanted) {
    case Migrator::Wanted::kAtHome:
      return range.can_migrate();
    case Migrator::Wanted::kResident:
      return range.resident_pages != 0;
    case Migrator::Wanted::kResidentAndForked:
      return range.resident_pages != 0 && range.fork_policy != ForkPolicy::kNotNotified;
  }
  return false;
}

}  // namespace

/// Under the registry lock: the end of the pages that live where the first one does.
std::uint64_t Migrator::run_end(const Range& range, std::uint64_t first_page,
                                std::uint64_t end_page) const {
  const std::uint64_t entry = range.entries[first_page];
  const bool resident = Pte::is_resident(entry);
  const std::uint32_t device = resident ? device_of(entry) : 0;
  std::uint64_t end = first_page + 1;
  while (end < end_page &&
         (resident ? Pte::is_resident(range.entries[end]) && device_of(range.entries[end]) == device
                   : Pte::is_at_home(range.entries[end]))) {
    ++end;
  }
  return end;
}

PageRun Migrator::first_run(std::uintptr_t address, std::uintptr_t end, Wanted wanted) {
  PageRun first;
  if (address >= end) {
    return first;
  }
  const std::lock_guard lock(parts_.registry.lock());
  parts_.registry.host_tree().for_each_overlap(address, end - 1, [&](IntervalNode& node) {
    Range& range = range_of(node);
    if (!is_wanted(range, wanted)) {
      return;
    }
    std::uint64_t page = range.page_of(std::max(address, range.host_begin));
    const std::uint64_t end_page = range.page_of(std::min(page_ceil(end), range.host_end()));
    while (page < end_page &&
           !(wanted == Wanted::kAtHome ? Pte::is_at_home(range.entries[page])
                                       : Pte::is_resident(range.entries[page]))) {
      ++page;
    }
    if (page < end_page && (first.empty() || range.page_address(page) < first.begin())) {
      first = {&range, page, run_end(range, page, end_page)};
    }
  });
  return first;
}

/// The pages in device memory around a page, as far as its granularity reaches.
PageRun Migrator::block_around(std::uintptr_t address) {
  const std::lock_guard lock(parts_.registry.lock());
  PageRun run;
  parts_.registry.host_tree().for_each_overlap(address, address, [&](IntervalNode& node) {
    Range& range = range_of(node);
    const std::uint64_t page = range.page_of(address);
    if (!Pte::is_resident(range.entries[page])) {
      return;
    }
    std::uint64_t first = page;
    while (first > 0 && range.same_grain(page, first - 1) &&
           Pte::is_resident(range.entries[first - 1]) &&
           device_of(range.entries[first - 1]) == device_of(range.entries[page])) {
      --first;
    }
    std::uint64_t end = page + 1;
    while (end < range.page_count && range.same_grain(page, end)) {
      ++end;
    }
    run = {&range, first, run_end(range, first, end)};
  });
  return run;
}

void Migrator::find_older(Range& range, std::uint32_t device, const Interval& keep,
                          std::uint64_t& since, PageRun& oldest) const {
  for (std::uint64_t block = 0; block < range.blocks(); ++block) {
    if (range.resident_since[block] == 0 || range.resident_since[block] >= since) {
      continue;
    }
    const std::uint64_t end_page = range.block_end_page(block);
    for (std::uint64_t page = range.block_first_page(block); page < end_page; ++page) {
      if (!Pte::is_resident(range.entries[page]) || device_of(range.entries[page]) != device) {
        continue;
      }
      const PageRun run{&range, page, run_end(range, page, end_page)};
      if (!overlaps(run, keep)) {
        since = range.resident_since[block];
        oldest = run;
      }
      break;
    }
  }
}

/// Pages that came to the device before all others, of one block.
PageRun Migrator::oldest_block(std::uint32_t device, const Interval& keep) {
  const std::lock_guard lock(parts_.registry.lock());
  std::uint64_t since = UINT64_MAX;
  PageRun oldest;
  parts_.registry.host_tree().for_each_overlap(0, UINTPTR_MAX, [&](IntervalNode& node) {
    Range& range = range_of(node);
    if (range.resident_pages != 0) {
      find_older(range, device, keep, since, oldest);
    }
  });
  return oldest;
}

std::uint64_t Migrator::evictable_pages(std::uint32_t device, const Interval& keep) {
  const std::lock_guard lock(parts_.registry.lock());
  std::uint64_t pages = 0;
  parts_.registry.host_tree().for_each_overlap(0, UINTPTR_MAX, [&](IntervalNode& node) {
    const Range& range = range_of(node);
    for (std::uint64_t page = 0; range.resident_pages != 0 && page < range.page_count; ++page) {
      const std::uintptr_t address = range.page_address(page);
      const bool kept = address >= keep.begin && address < keep.end;
      pages +=
          !kept && Pte::is_resident(range.entries[page]) && device_of(range.entries[page]) == device
              ? 1
              : 0;
    }
  });
  return pages;
}

}  // namespace softgpu
