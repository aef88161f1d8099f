// SPDX-License-Identifier: MIT
// One event: fresh memory, an actor takes hold of it, something happens to it, the actor comes,
// everybody looks.
#pragma once

#include <cstdint>
#include <optional>

#include "harness/pin/actor.hpp"
#include "harness/pin/outcome.hpp"
#include "harness/pin/perturbation.hpp"

namespace notifier::pin {

struct EventResult {
  Outcome outcome = Outcome::kCoherent;
  PageOwner original_page = PageOwner::kUnknown;
  // Rows that try to move pages: whether they say that they moved those of the actor and of the
  // control, and whether the actor's frames are others now, where frames are shown.
  std::optional<bool> region_moved;
  std::optional<bool> control_moved;
  std::optional<bool> frames_changed;
  double attach_ns = 0;
  std::optional<double> call_ns;
  std::optional<double> first_write_ns;  // of the process, to one page
  std::uint64_t words_checked = 0;
  std::uint64_t words_changed_in_child = 0;
  std::uint64_t torn = 0;
};

/// Throws CannotRun where this machine lacks something, another exception when something that
/// should work does not.
EventResult run_event(Actor& actor, const PerturbationRow& row, Direction direction,
                      Backing backing, std::uint64_t seed);

}  // namespace notifier::pin
