// SPDX-License-Identifier: MIT
// The family pin_*: what becomes of memory that a part of the kernel holds (harness/pin). No GPU,
// real or software, takes part; rows say platform=kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/schema.hpp"
#include "analysis/summary.hpp"
#include "harness/pin/actor.hpp"
#include "harness/pin/actor_pool.hpp"
#include "harness/pin/perturbation.hpp"
#include "harness/pin/region.hpp"
#include "harness/pin/together.hpp"

namespace notifier {

/// Raised when a number of these cases means something else than before.
inline constexpr int kPinCaseVersion = 1;

/// One of three kinds: an outcome (perturbation), a cost by size (neither) or several actors on one
/// page (together).
struct PinCase {
  const pin::ActorRow* actor = nullptr;
  const pin::PerturbationRow* perturbation = nullptr;
  const pin::TogetherRow* together = nullptr;
  pin::Backing backing = pin::Backing::kAnon;
  std::uint64_t size_bytes = pin::kUsedBytes;

  std::string_view perturbation_name() const;
  std::string_view policy() const;
  /// memory/backing/perturbation/policy/recovery/context/size, as Case::name() has it; pinned
  /// memory has no recovery and no context.
  std::string name() const;
};

/// Every case, those that need settings of the machine changed (KSM) last.
std::vector<PinCase> all_pin_cases();

/// Events of a run: of each direction where there are two.
std::uint32_t usual_events(const PinCase& wanted);

struct PinRequest {
  PinCase wanted;
  std::uint32_t events = 0;
  std::uint64_t seed = 0;
  std::int64_t recording_start_ns = 0;
  int kernel_version = 0;  // major * 1000 + minor
  // Events that begin later are left out, but for the first of each direction.
  std::optional<std::int64_t> deadline_ns = std::nullopt;
  pin::ActorPool* actors = nullptr;  // null: actors of the case's own
};

struct PinResult {
  analysis::SummaryRow identity;  // everything but the names that only the recording knows
  std::vector<analysis::SampleRow> samples;
  std::vector<analysis::RunValue> run_values;
  bool cut_short = false;  // by the deadline
};

/// Never throws for what a case does: it comes back skipped or failed, with the reason.
PinResult run_pin_case(const PinRequest& request);

/// major * 1000 + minor of "6.18.44-fc"; 0 for what is no version.
int kernel_version(const std::string& release);

}  // namespace notifier
