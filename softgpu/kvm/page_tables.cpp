// SPDX-License-Identifier: MIT
#include "softgpu/kvm/page_tables.hpp"

namespace softgpu::kvm {
namespace {

// AMD APM vol. 2, 5.3: long-mode page translation. Accessed and dirty are set from the start, so
// that walking writes nothing.
constexpr std::uint64_t kPresent = 1;
constexpr std::uint64_t kWritable = 2;
constexpr std::uint64_t kAccessedAndDirty = 0x60;
constexpr std::uint64_t kLargePage = 0x80;
constexpr std::uint64_t kFlags = kPresent | kWritable | kAccessedAndDirty;
constexpr std::uint64_t kAddress = 0x000FFFFFFFFFF000;
constexpr std::uint64_t kTableBytes = 4096;
constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kLargePageBytes = 2ull << 20;
constexpr unsigned kEntries = 512;
constexpr unsigned kTopLevel = 3;
constexpr unsigned kLargePageLevel = 1;

unsigned index_at(std::uint64_t guest_virtual, unsigned level) {
  return static_cast<unsigned>(guest_virtual >> (12 + 9 * level)) % kEntries;
}

void write_entry(std::uint64_t& entry, std::uint64_t value) {
  __atomic_store_n(&entry, value, __ATOMIC_RELEASE);
}

}  // namespace

PageTables::PageTables(unsigned char* pool, std::size_t pool_bytes, std::uint64_t pool_physical)
    : pool_(pool), pool_bytes_(pool_bytes), pool_physical_(pool_physical) {
  make_table();
}

PageTables::Table PageTables::table_behind(std::uint64_t entry) const {
  return reinterpret_cast<Table>(pool_ + ((entry & kAddress) - pool_physical_));
}

PageTables::Table PageTables::make_table() {
  if (used_bytes_ + kTableBytes > pool_bytes_) {
    return nullptr;
  }
  auto* table = reinterpret_cast<Table>(pool_ + used_bytes_);
  used_bytes_ += kTableBytes;
  return table;
}

/// The table below `table`, made where there is none; a large page is split into small ones.
PageTables::Table PageTables::descend(Table table, unsigned level, std::uint64_t guest_virtual) {
  std::uint64_t& entry = table[index_at(guest_virtual, level)];
  if ((entry & kPresent) != 0 && (entry & kLargePage) == 0) {
    return table_behind(entry);
  }
  const Table lower = make_table();
  if (lower == nullptr) {
    return nullptr;
  }
  if ((entry & kLargePage) != 0) {
    for (unsigned page = 0; page < kEntries; ++page) {
      lower[page] = (entry & ~kLargePage) + page * kPageBytes;
    }
  }
  const auto offset = static_cast<std::uint64_t>(reinterpret_cast<unsigned char*>(lower) - pool_);
  write_entry(entry, (pool_physical_ + offset) | kFlags);
  return lower;
}

bool PageTables::map_one(std::uint64_t guest_virtual, std::uint64_t guest_physical,
                         unsigned level) {
  Table table = reinterpret_cast<Table>(pool_);
  for (unsigned above = kTopLevel; above > level; --above) {
    table = descend(table, above, guest_virtual);
    if (table == nullptr) {
      return false;
    }
  }
  const std::uint64_t large = level == kLargePageLevel ? kLargePage : 0;
  write_entry(table[index_at(guest_virtual, level)], guest_physical | kFlags | large);
  return true;
}

bool PageTables::map(std::uint64_t guest_virtual, std::uint64_t guest_physical,
                     std::uint64_t size_bytes) {
  std::uint64_t done = 0;
  while (done < size_bytes) {
    const std::uint64_t to = guest_virtual + done;
    const std::uint64_t from = guest_physical + done;
    const bool large = (to | from) % kLargePageBytes == 0 && size_bytes - done >= kLargePageBytes;
    if (!map_one(to, from, large ? kLargePageLevel : 0)) {
      return false;
    }
    done += large ? kLargePageBytes : kPageBytes;
  }
  return true;
}

void PageTables::unmap_page(std::uint64_t guest_virtual) {
  Table table = reinterpret_cast<Table>(pool_);
  for (unsigned level = kTopLevel; level > 0; --level) {
    table = descend(table, level, guest_virtual);
    if (table == nullptr) {
      return;  // splitting found no room: the slot behind the page is gone all the same
    }
  }
  write_entry(table[index_at(guest_virtual, 0)], 0);
}

void PageTables::unmap(std::uint64_t guest_virtual, std::uint64_t size_bytes) {
  for (std::uint64_t done = 0; done < size_bytes; done += kPageBytes) {
    if (is_mapped(guest_virtual + done)) {
      unmap_page(guest_virtual + done);
    }
  }
}

bool PageTables::is_mapped(std::uint64_t guest_virtual) const {
  Table table = reinterpret_cast<Table>(pool_);
  for (unsigned level = kTopLevel;; --level) {
    const std::uint64_t entry = table[index_at(guest_virtual, level)];
    if ((entry & kPresent) == 0) {
      return false;
    }
    if (level == 0 || (entry & kLargePage) != 0) {
      return true;
    }
    table = table_behind(entry);
  }
}

}  // namespace softgpu::kvm
