// SPDX-License-Identifier: MIT
#include <cstdio>
#include <exception>
#include <string>

#include "bench/exit_code.hpp"
#include "bench/pin_main.hpp"

int main(int argc, char** argv) {
  try {
    const auto start = [] { return std::string("kernel"); };
    return notifier::pin_main(argc, argv, {start, notifier::all_pin_cases()});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return notifier::kExitViolation;
  }
}
