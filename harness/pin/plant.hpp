// SPDX-License-Identifier: MIT
// Planted incoherence: actors that misbehave in a known way. "Coherent" is worth something only
// while each of them is caught and named.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/pin/outcome.hpp"

namespace notifier::pin {

struct PlantOutcome {
  std::string planted;
  Outcome expected = Outcome::kCoherent;
  std::string found;  // an outcome, or the error's text
  bool caught = false;
};

/// Plants one after the other, each in an event with a fork whose child lives.
std::vector<PlantOutcome> run_plants(std::uint64_t seed);

/// Data that never arrive, under every perturbation that this machine can do and in both
/// directions: wherever a table says "coherent" it must be able to say something else. `expected`
/// is not used. Left out are those that work on the whole machine.
std::vector<PlantOutcome> run_losses(std::uint64_t seed);

}  // namespace notifier::pin
