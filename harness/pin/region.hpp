// SPDX-License-Identifier: MIT
// The memory of one event: freshly mapped, written by the process, and gone afterwards wherever it
// was moved to meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "harness/pin/page_frames.hpp"

namespace notifier::pin {

/// Bytes that an actor holds in the cases about outcomes.
inline constexpr std::size_t kUsedBytes = kFrames * kPageBytes;
inline constexpr std::size_t kHugeBytes = 2 << 20;  // of a huge page

enum class Backing : std::uint8_t { kAnon, kThp };
std::string_view to_string(Backing backing);

class Region {
 public:
  struct Layout {
    std::size_t used_bytes = kUsedBytes;
    // Mapped around the used part and aligned to its own size; 0: just the used part.
    std::size_t area_bytes = 0;
    Backing backing = Backing::kAnon;
  };

  /// Maps and populates, with base pages or a huge page as wanted. Throws CannotRun where no huge
  /// page is to be had.
  explicit Region(const Layout& layout);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  std::byte* address() const { return address_; }
  std::span<std::byte> used() const { return {address_, layout_.used_bytes}; }
  std::span<std::byte> area() const { return {address_, area_bytes()}; }
  std::size_t area_bytes() const {
    return layout_.area_bytes != 0 ? layout_.area_bytes : layout_.used_bytes;
  }

  /// The area is at `address` now and unmapped from there at the end; where it was may be kept by
  /// the kernel (mremap with MREMAP_DONTUNMAP) and is unmapped too.
  void moved_to(std::byte* address) { moved_ = address; }

 private:
  Layout layout_;
  std::byte* address_ = nullptr;
  std::byte* moved_ = nullptr;
};

}  // namespace notifier::pin
