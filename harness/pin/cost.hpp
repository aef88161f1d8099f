// SPDX-License-Identifier: MIT
// What holding memory costs, by its size: taking hold, and a fork of the process meanwhile.
#pragma once

#include <cstddef>

#include "harness/pin/actor.hpp"
#include "harness/pin/region.hpp"

namespace notifier::pin {

struct CostResult {
  double attach_ns = 0;
  double fork_ns = 0;         // of a child that ends at once
  double first_write_ns = 0;  // of the process, to one page, after the child has gone
};

/// Throws CannotRun where this machine does not let the actor hold that much.
CostResult measure_cost(Actor& actor, std::size_t bytes, Backing backing);

}  // namespace notifier::pin
