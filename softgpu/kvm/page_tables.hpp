// SPDX-License-Identifier: MIT
// The guest's page tables: four levels, kept by the host in the machine's own memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace softgpu::kvm {

/// Not locked: one caller at a time. A vCPU may walk the tables meanwhile; each entry is written
/// whole, and a table is complete before an entry points to it.
class PageTables {
 public:
  /// `pool` is where tables are made; `pool_physical` is its guest-physical address.
  PageTables(unsigned char* pool, std::size_t pool_bytes, std::uint64_t pool_physical);

  std::uint64_t root() const { return pool_physical_; }

  /// Maps whole pages for reading and writing, with 2 MiB entries where addresses allow it. What
  /// was mapped there before is replaced. False: no room for more tables.
  bool map(std::uint64_t guest_virtual, std::uint64_t guest_physical, std::uint64_t size_bytes);

  void unmap(std::uint64_t guest_virtual, std::uint64_t size_bytes);

  /// Whether the page has an entry.
  bool is_mapped(std::uint64_t guest_virtual) const;

 private:
  using Table = std::uint64_t*;

  Table table_behind(std::uint64_t entry) const;
  Table make_table();
  Table descend(Table table, unsigned level, std::uint64_t guest_virtual);
  bool map_one(std::uint64_t guest_virtual, std::uint64_t guest_physical, unsigned level);
  void unmap_page(std::uint64_t guest_virtual);

  unsigned char* const pool_;
  const std::size_t pool_bytes_;
  const std::uint64_t pool_physical_;
  std::size_t used_bytes_ = 0;
};

}  // namespace softgpu::kvm
