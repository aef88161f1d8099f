// SPDX-License-Identifier: MIT
// From what was seen to a word. Pure functions, so that every word can be shown to be reachable.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "harness/pin/actor.hpp"
#include "harness/pin/child.hpp"
#include "harness/pin/words.hpp"

namespace notifier::pin {

/// From best to worst.
enum class Outcome : std::uint8_t {
  kCoherent,      // actor and process work on the same memory
  kFault,         // the transfer failed with EFAULT: nothing was reached, and that was said
  kOrphan,        // the actor works on a page that the process does not have, and nobody is told
  kMixed,         // some words one way, some another
  kReachesChild,  // the actor works on the child's memory, or the child's data reach the actor
  kTorn,          // words that no writer left whole
};
std::string_view to_string(Outcome outcome);

/// Who has the original page frames in the end.
enum class PageOwner : std::uint8_t { kUnknown, kProcess, kChild, kBoth, kNobody, kMixed };
std::string_view to_string(PageOwner owner);

/// What one event showed.
struct Observation {
  Direction direction = Direction::kDeviceWrites;
  int error = 0;                           // errno of the transfer
  bool process_has_memory = true;          // the process can still look at it
  bool process_wrote_last = false;         // before the device read
  WordCounts process;                      // what the process sees
  std::optional<WordCounts> device;        // what the device read, or reads back after a write
  std::optional<ChildReport> child;        // at the end
  std::optional<ChildReport> child_first;  // right after fork
  bool child_has_written = false;
};

/// Throws std::runtime_error for what no outcome describes: an error other than EFAULT, or data
/// that went nowhere although the transfer succeeded.
Outcome classify(const Observation& seen);

/// Words of a live child that changed although it did not write them.
std::uint64_t words_changed_in_child(const Observation& seen);

/// `original` are the frames before, `process` and `child` those in the end; a missing process view
/// or child has none of them. kUnknown where the frames are not shown.
PageOwner find_owner(std::span<const PageEntry> original, std::span<const PageEntry> process,
                     std::span<const PageEntry> child);

}  // namespace notifier::pin
