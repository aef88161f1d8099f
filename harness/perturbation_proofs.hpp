// SPDX-License-Identifier: MIT
// How each perturbation shows that its operation really happened: a call that returns success may
// have done nothing at all (MADV_FREE of pages that were freed before). One row each; a test fails
// for a perturbation without.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "harness/perturbation.hpp"

namespace notifier {

/// One of the two texts, and functions where neither the perturbation's own nor the driver's events
/// check what the first one says.
struct Proof {
  std::string_view perturbation;
  std::string_view shown_by = "";
  std::string_view impossible = "";         // why nothing can tell
  void (*before)(EventContext&) = nullptr;  // the last thing before the window
  bool (*after)(EventContext&) = nullptr;   // once the window is closed, before `finish`
};

/// Null when there is none of that name.
const Proof* find_proof(std::string_view perturbation);

/// What has to be done before the window so that happened() can tell.
void prepare_proof(const Perturbation& row, EventContext& event);
/// False when the proof that there is fails. `zeros_read` by the device since the window opened, of
/// memory whose content the event may take; without one nothing is asked of it.
bool happened(const Perturbation& row, EventContext& event,
              std::optional<std::uint64_t> zeros_read = std::nullopt);

/// For --list --long.
std::string describe_proof(const Perturbation& row);

}  // namespace notifier
