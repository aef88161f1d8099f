// SPDX-License-Identifier: MIT
#include "bench/self_test.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>

#include "bench/case_families.hpp"
#include "bench/suite.hpp"
#include "harness/integrity.hpp"

namespace notifier {
namespace {

struct Plant {
  const char* name;  // value of SOFTGPU_PLANT, or class planted by the CPU
  ViolationClass expected;
  const char* perturbation;  // event in which it shows
};

// docs/softgpu.md explains what each plant does; a skipped hook shows in the PFN audit, which needs
// root: `missed` is expected then, and left out otherwise (audit_possible).
constexpr Plant kSoftwarePlants[] = {
    {"stale", ViolationClass::kStale, "fork_exit"},
    {"foreign", ViolationClass::kForeign, "fork_child_hold"},
    {"lost", ViolationClass::kLost, "sham"},
    {"torn", ViolationClass::kTorn, "sham"},
    {"zero", ViolationClass::kZero, "sham"},
    {"skip_hook:madvise", ViolationClass::kMissed, "dontneed"},
};
constexpr Plant kCpuPlants[] = {
    {"stale", ViolationClass::kStale, "sham"}, {"foreign", ViolationClass::kForeign, "sham"},
    {"lost", ViolationClass::kLost, "sham"},   {"torn", ViolationClass::kTorn, "sham"},
    {"zero", ViolationClass::kZero, "sham"},
};

std::string counts_in_words(const analysis::SummaryRow& row) {
  return fmt::format("stale {}, torn {}, lost {}, foreign {}, zero {}, protocol {}, missed {}",
                     row.violations_stale.value_or(0), row.violations_torn.value_or(0),
                     row.violations_lost.value_or(0), row.violations_foreign.value_or(0),
                     row.violations_zero.value_or(0), row.violations_protocol.value_or(0),
                     row.violations_missed.value_or(0));
}

std::int64_t count_of(const analysis::SummaryRow& row, ViolationClass which) {
  switch (which) {
    case ViolationClass::kStale:
      return row.violations_stale.value_or(0);
    case ViolationClass::kTorn:
      return row.violations_torn.value_or(0);
    case ViolationClass::kLost:
      return row.violations_lost.value_or(0);
    case ViolationClass::kForeign:
      return row.violations_foreign.value_or(0);
    case ViolationClass::kZero:
      return row.violations_zero.value_or(0);
    case ViolationClass::kProtocol:
      return row.violations_protocol.value_or(0);
    case ViolationClass::kMissed:
      return row.violations_missed.value_or(0);
  }
  return 0;
}

/// The memory whose invalidations each recovery is about.
struct Target {
  Recovery recovery;
  Memory memory;
};
constexpr std::array kTargets{Target{Recovery::kPreempt, Memory::kUserptr},
                              Target{Recovery::kRetryFault, Memory::kSystem}};

SelfTestOutcome try_plant(const Plant& plant, const Target& target, const DeviceInfo& device,
                          std::uint64_t seed) {
  constexpr std::uint32_t kEvents = 6;
  const bool software = device.platform == "software";
  SelfTestOutcome outcome;
  outcome.planted = plant.name;
  outcome.recovery = to_string(target.recovery);
  outcome.expected = to_string(plant.expected);
  CaseRequest request;
  request.wanted.memory = target.memory;
  request.wanted.recovery = target.recovery;
  request.wanted.perturbation = plant.perturbation;
  request.wanted.size_bytes = kSmallBytes;
  request.events = kEvents;
  request.seed = seed;
  request.grid = {1, device.lanes_per_wave};
  if (!software) request.plant = plant.name;
  WorkerProcess::Environment environment = WorkerProcess::environment_for(request.wanted);
  if (software) environment["SOFTGPU_PLANT"] = plant.name;
  const auto worker = WorkerProcess::start(environment);
  if (!worker->device()) {
    outcome.found = worker->no_device_reason();
    return outcome;
  }
  const RunOutcome run = worker->run(request, stop_requested);
  if (!run.result) {
    outcome.found = run.failure;
    return outcome;
  }
  if (run.result->identity.status == analysis::Status::kSkipped) {
    outcome.left_out = run.result->identity.reason;
    return outcome;
  }
  outcome.found = counts_in_words(run.result->identity);
  outcome.caught_at_end = run.result->violations_at_end > 0;
  outcome.caught = count_of(run.result->identity, plant.expected) > 0;
  return outcome;
}

}  // namespace

std::vector<SelfTestOutcome> run_self_test(const DeviceInfo& device, std::uint64_t seed) {
  std::vector<SelfTestOutcome> outcomes;
  const bool software = device.platform == "software";
  const std::span<const Plant> plants =
      software ? std::span<const Plant>(kSoftwarePlants) : std::span<const Plant>(kCpuPlants);
  for (const Target& target : kTargets) {
    for (const Plant& plant : plants) {
      if (stop_requested()) break;
      if (plant.expected == ViolationClass::kMissed && geteuid() != 0) continue;
      outcomes.push_back(try_plant(plant, target, device, seed));
    }
  }
  return outcomes;
}

bool all_caught(const std::vector<SelfTestOutcome>& outcomes) {
  return std::any_of(outcomes.begin(), outcomes.end(),
                     [](const auto& outcome) { return outcome.caught; }) &&
         std::all_of(outcomes.begin(), outcomes.end(), [](const auto& outcome) {
           return outcome.caught || !outcome.left_out.empty();
         });
}

std::string describe(const SelfTestOutcome& outcome) {
  if (!outcome.left_out.empty()) {
    return fmt::format("{:<20} {:<11} left out: {}\n", outcome.planted, outcome.recovery,
                       outcome.left_out);
  }
  return fmt::format("{:<20} {:<11} expected {:<9} {}{} ({})\n", outcome.planted, outcome.recovery,
                     outcome.expected, outcome.caught ? "caught" : "NOT CAUGHT",
                     outcome.caught && !outcome.caught_at_end ? ", not by a check at the end" : "",
                     outcome.found);
}

std::string summarize(const std::vector<SelfTestOutcome>& outcomes) {
  std::size_t asked = 0;
  std::size_t caught = 0;
  std::size_t missed_at_end = 0;
  for (const SelfTestOutcome& outcome : outcomes) {
    if (!outcome.left_out.empty()) continue;
    ++asked;
    caught += outcome.caught ? 1 : 0;
    missed_at_end += outcome.caught && !outcome.caught_at_end ? 1 : 0;
  }
  return fmt::format(
      "self-test: {} of {} planted faults caught and classified; a check at the end alone would "
      "have missed {}\n",
      caught, asked, missed_at_end);
}

}  // namespace notifier
