// SPDX-License-Identifier: MIT
// Two actors and a CPU on one page at the same time, while the process forks: who wins, is anything
// torn, and do they all still mean the same page afterwards.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "harness/pin/actor.hpp"
#include "harness/pin/outcome.hpp"

namespace notifier::pin {

struct TogetherResult;

struct TogetherRow {
  std::string_view name;  // the perturbation column of the CSV
  std::string_view summary;
  std::string_view first;   // actor that writes again and again
  std::string_view second;  // actor that writes once, after the fork; empty: none
  TogetherResult (*run)(const TogetherRow& row, std::uint64_t seed);
};

std::span<const TogetherRow> together_rows();
const TogetherRow* find_together(std::string_view name);
/// In the perturbation column, these and those of the GPU's programs (bench/pin_device.cpp).
inline constexpr std::string_view kTogetherPrefix = "together_";

struct TogetherResult {
  Outcome outcome = Outcome::kCoherent;
  double fork_ns = 0;
  double attach_ns = 0;
  std::uint64_t device_transfers = 0;  // of the first actor while the others worked
  WordCounts race_words;  // what the process saw meanwhile, after each transfer: who wins
  std::uint64_t torn_seen_by_cpu = 0;  // words that the working CPU found torn
  std::uint64_t words_changed_in_child = 0;
  std::uint64_t words_checked = 0;
};

}  // namespace notifier::pin
