// SPDX-License-Identifier: MIT
// The memory of one event: freshly mapped, written by the process, and gone afterwards wherever it
// was moved to meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "harness/pin/backing.hpp"
#include "harness/pin/page_frames.hpp"

namespace notifier::pin {

/// Bytes that an actor holds in the cases about outcomes.
inline constexpr std::size_t kUsedBytes = kFrames * kPageBytes;

class Region {
 public:
  struct Layout {
    std::size_t used_bytes = kUsedBytes;
    // Mapped around the used part and aligned to its own size; 0: as much as the backing needs.
    std::size_t area_bytes = 0;
    Backing backing = Backing::kAnon;
  };

  /// Maps and populates, with pages as wanted. Throws CannotRun where no huge page is to be had.
  explicit Region(const Layout& layout);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  std::byte* address() const { return address_; }
  std::span<std::byte> used() const { return {address_, layout_.used_bytes}; }
  std::span<std::byte> area() const { return {address_, area_bytes()}; }
  std::size_t area_bytes() const;

  /// What has to be done once the data are there: swapping out. Throws CannotRun.
  void settle();

  /// The area is at `address` now and unmapped from there at the end; where it was may be kept by
  /// the kernel (mremap with MREMAP_DONTUNMAP) and is unmapped too.
  void moved_to(std::byte* address) { moved_ = address; }
  /// Part of the huge page is there now, to be unmapped at the end.
  void split_off(std::span<std::byte> part) { split_off_ = part; }

 private:
  void populate();
  void unmap();

  Layout layout_;
  std::size_t mapped_bytes_;
  std::byte* address_ = nullptr;
  std::byte* moved_ = nullptr;
  std::span<std::byte> split_off_;
};

}  // namespace notifier::pin
