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
  std::string_view planted;
  Outcome expected = Outcome::kCoherent;
  std::string found;  // an outcome, or the error's text
  bool caught = false;
};

/// Plants one after the other, each in an event with a fork whose child lives.
std::vector<PlantOutcome> run_plants(std::uint64_t seed);

}  // namespace notifier::pin
