// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "bench/pin_cases.hpp"

namespace notifier {

/// What a program of pin cases runs.
struct PinProgram {
  /// Called before the first case; returns the platform of the rows. Throws std::exception where
  /// nothing can run, with the reason.
  std::string (*start)();
  std::vector<PinCase> cases;
};

/// The command line of the pin cases. Returns the exit code.
int pin_main(int argc, char** argv, const PinProgram& program);

}  // namespace notifier
