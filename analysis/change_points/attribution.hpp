// SPDX-License-Identifier: MIT
// What many steps have in common: which of them are one change, and which change of the environment
// it coincides with on every machine that saw it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace notifier::analysis {

// A timeline is the recordings of one machine on one platform, in order; positions count them.
struct LocatedStep {
  std::size_t timeline = 0;
  std::size_t position = 0;
  std::string device;
};

// A field of the environment that reads differently from this position on.
struct EnvironmentChange {
  std::size_t timeline = 0;
  std::size_t position = 0;
  std::string field;
  std::string from;
  std::string to;
};

enum class Cause : std::uint8_t { kEnvironment, kOneDevice, kOneMachine, kUnknown };
std::string_view to_word(Cause cause);

struct Candidate {
  std::string field;
  std::string from;
  std::string to;
  std::size_t machines_stepped = 0;  // had this change of the environment, and a step with it
  std::size_t machines_steady = 0;   // had it, and no step
};

struct StepGroup {
  std::vector<std::size_t> steps;  // indices into the given steps, ascending
  Cause cause = Cause::kUnknown;
  std::vector<Candidate> candidates;  // the best first; the cause is the first where kEnvironment
};

// Steps of one timeline that lie this close, and environment changes this close to a step, are
// taken for the same night: a step is located to a few nights only.
inline constexpr std::size_t kSameNights = 3;

// What a field is part of: "kernel", "driver", "firmware", "gpu", "cpu", "memory" or "other". The
// earlier of these come first among candidates that are otherwise equal.
std::string_view field_class(std::string_view field);

// devices_per_timeline[t]: number of devices that timeline t has series of. Groups come in the
// order of their first step.
std::vector<StepGroup> group_steps(std::span<const LocatedStep> steps,
                                   std::span<const EnvironmentChange> changes,
                                   std::span<const std::size_t> devices_per_timeline);

}  // namespace notifier::analysis
