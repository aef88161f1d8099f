// SPDX-License-Identifier: MIT
// The workload's own memory by what lies behind it: mapping it, mapping it anew in place, and
// saying whether the kernel still gives what the case names.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "harness/case.hpp"
#include "harness/folio_layout.hpp"

namespace notifier {

/// Whether stores reach memory that other mappings see; dropping the page tables then loses
/// nothing.
bool is_shared(Backing backing);

/// Smallest piece that a call may take away from the middle, in bytes.
std::size_t backing_page_bytes(Backing backing);

/// Memory of such a backing is a multiple of this, in bytes.
std::size_t backing_unit_bytes(Backing backing);

/// Whether an event may leave other pages than the case names: they are then made anew.
bool is_made_of_huge_pages(Backing backing);

/// A mapping of huge-page alignment with unmapped room before and behind it. Fresh for every case:
/// SVM registrations outlive hipHostUnregister (kfd_facts §0.3). Unmapped on destruction.
class BackingMemory {
 public:
  /// Throws CannotPerform where the machine has no such memory, std::system_error otherwise.
  BackingMemory(Backing backing, std::size_t size_bytes);
  ~BackingMemory();
  BackingMemory(const BackingMemory&) = delete;
  BackingMemory& operator=(const BackingMemory&) = delete;

  std::byte* begin() const { return begin_; }

  /// Maps this part anew in place (MAP_FIXED): fresh memory, or the same part of the same file.
  /// Throws std::system_error.
  void map_again(std::byte* begin, std::size_t size_bytes);

  /// Truncates the file to nothing and back to its length. Throws std::system_error.
  void empty_file();

  /// Advice that a fresh mapping has lost.
  void prepare(std::byte* begin, std::size_t size_bytes) const;

  /// Drops all pages and, where the kernel would not make the right ones by itself, makes them. The
  /// content is lost. Throws std::system_error.
  void rebuild();

  /// Why what lies there is not what the case names; empty when it is. Reads smaps and, for folios,
  /// pagemap and kpageflags.
  std::string mismatch() const;

 private:
  void build_first(const FolioLayout& layout);
  void* map(std::byte* wanted, std::size_t size_bytes, int placement) const;

  Backing backing_;
  std::size_t size_bytes_;
  int file_ = -1;
  std::byte* begin_ = nullptr;
  std::unique_ptr<FolioBuilder> folios_;  // where the kernel does not make them by itself
};

/// Why what lies behind the range is not what the case names, as far as smaps tells; empty when it
/// is.
std::string backing_mismatch(Backing backing, const std::byte* begin, std::size_t size_bytes);

}  // namespace notifier
