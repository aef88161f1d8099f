// SPDX-License-Identifier: MIT
#include "softgpu/core/audit.hpp"

#include <algorithm>

namespace softgpu {
namespace {

/// An entry whose frame is known and can be compared.
bool comparable(std::uint64_t entry) {
  return (entry & (Pte::kValid | Pte::kReported)) == Pte::kValid && Pte::frame(entry) != 0;
}

/// Of a page in device memory the CPU must have none of its own.
bool same_frame(std::uint64_t entry, std::uint64_t cpu_entry) {
  if (Pte::is_resident(entry)) {
    return (cpu_entry & Pagemap::kPresent) == 0;
  }
  return (cpu_entry & Pagemap::kPresent) != 0 &&
         (cpu_entry & Pagemap::kFrameMask) == Pte::frame(entry);
}

}  // namespace

Auditor::Auditor(Registry& registry, DriverEvents& events, const Pagemap& pagemap, AuditLevel level)
    : registry_(registry), events_(events), pagemap_(pagemap), level_(level) {}

const char* Auditor::why_off() const {
  if (level_ == AuditLevel::kOff) {
    return "SOFTGPU_AUDIT=off";
  }
  return pagemap_.frames_visible()
             ? nullptr
             : "the kernel shows no page frame numbers (/proc/self/pagemap needs CAP_SYS_ADMIN)";
}

bool Auditor::wanted(const Range& range) const {
  return chunk_.mark == 0 ? range.invalid == 0
                          : range.invalid == 1 && range.last_mark == chunk_.mark;
}

/// The first run of pages at or after `begin` that are the range's own: where the program's mapping
/// ended, a younger range may have the address.
Interval Auditor::own_pages(const Range& range, std::uintptr_t begin, std::uintptr_t end) {
  const auto unmapped = [&](std::uintptr_t address) {
    return (range.entries[(address - range.host_begin) >> kPageShift] & Pte::kUnmapped) != 0;
  };
  end = std::min(range.host_end(), end);
  std::uintptr_t first = std::max(range.host_begin, begin);
  while (first < end && unmapped(first)) {
    first += kPageSize;
  }
  std::uintptr_t last = first;
  while (last < end && last - first < kChunkPages * kPageSize && !unmapped(last)) {
    last += kPageSize;
  }
  return {first, last};
}

bool Auditor::take_chunk(std::uintptr_t begin, std::uintptr_t end, std::uint64_t maximum_pages) {
  const std::lock_guard lock(registry_.lock());
  const IntervalTree& tree = registry_.host_tree();
  chunk_.range = nullptr;
  chunk_.address = end;
  for (IntervalNode* node = tree.first_overlap(begin, end - 1);
       node != nullptr && node->first < chunk_.address;
       node = tree.next_overlap(*node, begin, end - 1)) {
    Range& range = range_of(*node);
    if (!wanted(range) || range.pages == RangePages::kNone) {
      continue;
    }
    const Interval own = own_pages(range, begin, end);
    if (own.begin < own.end && own.begin < chunk_.address) {
      chunk_.range = &range;
      chunk_.address = own.begin;
      chunk_.pages = std::min<std::uint64_t>(maximum_pages, (own.end - own.begin) >> kPageShift);
    }
  }
  if (chunk_.range == nullptr) {
    return false;
  }
  const Range& range = *chunk_.range;
  chunk_.range_id = range.id;
  chunk_.invalidations = range.invalidations;
  chunk_.first_page = (chunk_.address - range.host_begin) >> kPageShift;
  std::copy_n(range.entries.get() + chunk_.first_page, chunk_.pages, chunk_.entries.begin());
  return true;
}

/// Repeats the comparison with the range known to be untouched since its entries were read.
bool Auditor::confirm_missed(std::size_t index) {
  const std::lock_guard lock(registry_.lock());
  const std::uintptr_t address = chunk_.address + index * kPageSize;
  const IntervalTree& tree = registry_.host_tree();
  for (IntervalNode* node = tree.first_overlap(address, address); node != nullptr;
       node = tree.next_overlap(*node, address, address)) {
    Range& range = range_of(*node);
    if (&range != chunk_.range || range.id != chunk_.range_id) {
      continue;
    }
    std::uint64_t& entry = range.entries[chunk_.first_page + index];
    if (!wanted(range) || range.invalidations != chunk_.invalidations ||
        entry != chunk_.entries[index]) {
      return false;
    }
    entry |= Pte::kReported;  // once, not again
    return true;
  }
  return false;
}

std::uint64_t Auditor::compare_chunk() {
  if (!pagemap_.read(chunk_.address, chunk_.pages, chunk_.cpu_entries.data())) {
    return 0;
  }
  std::uint64_t missed = 0;
  std::size_t run_begin = 0;
  std::size_t run_pages = 0;
  for (std::size_t index = 0; index <= chunk_.pages; ++index) {
    const bool wrong = index < chunk_.pages && comparable(chunk_.entries[index]) &&
                       !same_frame(chunk_.entries[index], chunk_.cpu_entries[index]) &&
                       confirm_missed(index);
    if (wrong) {
      run_begin = run_pages == 0 ? index : run_begin;
      ++run_pages;
      ++missed;
    } else if (run_pages != 0) {
      report_missed(chunk_.address + run_begin * kPageSize, run_pages);
      run_pages = 0;
    }
  }
  audited_pages_.fetch_add(chunk_.pages, std::memory_order_relaxed);
  return missed;
}

std::uint64_t Auditor::audit(std::uintptr_t begin, std::uintptr_t end,
                             std::uint64_t maximum_pages) {
  return audit_chunks(begin, end, maximum_pages, 0);
}

std::uint64_t Auditor::audit_marked(std::uintptr_t begin, std::uintptr_t end,
                                    std::uint64_t maximum_pages, std::uint64_t mark) {
  return audit_chunks(begin, end, maximum_pages, mark);
}

std::uint64_t Auditor::audit_chunks(std::uintptr_t begin, std::uintptr_t end,
                                    std::uint64_t maximum_pages, std::uint64_t mark) {
  if (why_off() != nullptr) {
    return 0;
  }
  const std::lock_guard lock(audit_lock_);
  chunk_.mark = mark;
  std::uint64_t missed = 0;
  std::uintptr_t cursor = begin;
  while (cursor < end && maximum_pages != 0 && take_chunk(cursor, end, maximum_pages)) {
    missed += compare_chunk();
    cursor = chunk_.address + chunk_.pages * kPageSize;
    maximum_pages -= chunk_.pages;
  }
  return missed;
}

void Auditor::audit_staged(Range& range) {
  if (why_off() != nullptr) {
    return;
  }
  std::uint64_t named_begin = 0;
  std::uint64_t named_end = 0;
  {
    const std::lock_guard lock(registry_.lock());
    if (range.invalidations != range.pass_invalidations) {
      return;  // overtaken by a call, pages may have been left out; it is discarded
    }
    named_begin = range.changed_begin_page;
    named_end = range.changed_end_page;
  }
  std::uint64_t run_begin = 0;
  std::uint64_t run_pages = 0;
  for (std::uint64_t page = 0; page <= range.page_count; ++page) {
    const bool named = page >= named_begin && page < named_end;
    const bool wrong = page < range.page_count && !named && comparable(range.entries[page]) &&
                       Pte::frame(range.entries[page]) != Pte::frame(range.staged[page]);
    if (wrong) {
      run_begin = run_pages == 0 ? page : run_begin;
      ++run_pages;
    } else if (run_pages != 0) {
      report_missed(range.host_begin + run_begin * kPageSize, run_pages);
      run_pages = 0;
    }
  }
  audited_pages_.fetch_add(range.page_count, std::memory_order_relaxed);
}

void Auditor::report_missed(std::uintptr_t address, std::uint64_t pages) {
  missed_pages_.fetch_add(pages, std::memory_order_relaxed);
  events_.missed(address, pages);
}

}  // namespace softgpu
