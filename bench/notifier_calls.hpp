// SPDX-License-Identifier: MIT
// The calls that the notifier benchmark measures: one row each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bench/notifier_sweep.hpp"

namespace notifier {

/// Private anonymous memory, populated, of base pages only or of 2 MiB pages only.
struct CallMemory {
  char* begin;
  std::size_t size_bytes;
  bool huge;
};

struct MmCall {
  std::string_view name;
  std::string_view summary;
  /// What the vCPUs do meanwhile: what they could not do afterwards would be a fault.
  SweepOrder order;
  /// Empty, or why it cannot be made here.
  std::string (*unavailable)();
  /// What has to be done first, untimed.
  void (*prepare)(const CallMemory& memory);
  /// Makes the call; nothing else is timed. False, with errno, when it failed.
  bool (*perform)(const CallMemory& memory);
  /// Waits for what the call left, and maps the memory again if it went.
  void (*finish)(const CallMemory& memory);
  /// Where the kernel calls the notifier.
  std::string_view source;
  /// Pages that it has taken so far, for a call that may leave some or all and yet succeed.
  std::uint64_t (*pages_so_far)() = nullptr;
};

std::span<const MmCall> mm_calls();

/// Maps memory whose size need not be a multiple of the page it is made of: `huge` needs whole
/// 2 MiB. Throws std::runtime_error when there is none.
CallMemory map_call_memory(std::size_t size_bytes, bool huge);
void unmap_call_memory(const CallMemory& memory);

/// Writes to every page. Memory of huge pages is dropped first, since calls split them for good.
void populate(const CallMemory& memory);

/// Empty when the memory is made of the pages that it should be; else what it is made of (smaps).
std::string wrong_pages(const CallMemory& memory);

}  // namespace notifier
