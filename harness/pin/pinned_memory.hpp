// SPDX-License-Identifier: MIT
// How much memory is pinned, as /proc tells: nothing may be left when the cases are over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/system_view.hpp"

namespace notifier::pin {

struct PinnedMemory {
  // Pins that were taken and not given back, machine-wide: nr_foll_pin_acquired less
  // nr_foll_pin_released. Exact only as root, who can have the per-CPU counters folded.
  std::optional<std::int64_t> pins;
  std::optional<std::int64_t> process_pinned_kib;  // VmPin
  std::optional<std::int64_t> process_locked_kib;  // VmLck
};

PinnedMemory read_pinned_memory(const SystemView& view);

/// What of `after` is more than in `before`, as a sentence; empty when nothing is.
std::string describe_leak(const PinnedMemory& before, const PinnedMemory& after);

}  // namespace notifier::pin
