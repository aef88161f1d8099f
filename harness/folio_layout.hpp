// SPDX-License-Identifier: MIT
// Memory in folios of a given size, mapped in a given way: making it, and proving from the kernel
// that it still is so.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "harness/case.hpp"
#include "harness/folios.hpp"

namespace notifier {

/// What a backing of this kind is made of.
struct FolioLayout {
  enum class Mapped {
    kWhole,        // every page of every folio, one by one
    kHalf,         // the first half of every folio; base pages in place of the second
    kHalfIsShared  // as kHalf, and a forked child has all of every folio
  };
  std::uint64_t folio_bytes = 0;
  Mapped mapped = Mapped::kWhole;
};

/// Nothing for backings that smaps alone can tell apart.
std::optional<FolioLayout> folio_layout(Backing backing);

/// The setting of the machine (system_settings.hpp) that has to be "madvise" for such folios;
/// empty: none but that of all huge pages.
std::string_view folio_setting(Backing backing);

/// Why this kernel, or its settings, give no such folios; empty when they do.
std::string folio_obstacle(const FolioLayout& layout);

/// Why the pages are not what the layout says; empty when they are.
std::string layout_mismatch(const FolioLayout& layout, std::span<const FolioPage> pages);

/// Folios that are there stay as they are, and khugepaged does not make huge pages of them. Throws
/// std::system_error.
void keep_folios(std::byte* begin, std::size_t size_bytes);

/// Builds such memory and keeps the child that shares it. The range must be private anonymous
/// memory, aligned to and a multiple of 2 MiB.
class FolioBuilder {
 public:
  explicit FolioBuilder(const FolioLayout& layout) : layout_(layout) {}
  ~FolioBuilder();
  FolioBuilder(const FolioBuilder&) = delete;
  FolioBuilder& operator=(const FolioBuilder&) = delete;

  /// Drops what the range holds and fills it anew (content: zeros). Throws std::system_error.
  void build(std::byte* begin, std::size_t size_bytes);
  /// Reads page tables: never while time is taken. Throws std::system_error.
  std::string mismatch(const std::byte* begin, std::size_t size_bytes) const;

 private:
  void build_small(std::byte* begin, std::size_t size_bytes) const;
  void build_huge(std::byte* begin, std::size_t size_bytes);
  void share_with_child(std::byte* begin, std::size_t size_bytes);
  void end_child();

  FolioLayout layout_;
  FolioReader reader_;
  pid_t child_ = 0;
};

}  // namespace notifier
