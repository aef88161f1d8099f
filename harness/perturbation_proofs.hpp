// SPDX-License-Identifier: MIT
// Asks a perturbation's row for the proof that its operation really happened.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/perturbation.hpp"

namespace notifier {

/// What has to be done before the window so that happened() can tell.
void prepare_proof(const Perturbation& row, EventContext& event);
/// False when the proof that there is fails. `zeros_read` by the device since the window opened, of
/// memory whose content the event may take; without one nothing is asked of it.
bool happened(const Perturbation& row, EventContext& event,
              std::optional<std::uint64_t> zeros_read = std::nullopt);

/// For --list --long.
std::string describe_proof(const Perturbation& row);

}  // namespace notifier
