// SPDX-License-Identifier: MIT
#include <cstdio>
#include <exception>

#include "bench/exit_code.hpp"
#include "bench/pin_main.hpp"

int main(int argc, char** argv) {
  try {
    return notifier::pin_main(argc, argv, {"kernel", notifier::all_pin_cases()});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return notifier::kExitViolation;
  }
}
