// SPDX-License-Identifier: MIT
#include "bench/self_test.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "bench/case_families.hpp"
#include "bench/suite.hpp"
#include "harness/integrity.hpp"

namespace notifier {
namespace {

enum class PlantedBy { kDevice, kCpu };  // SOFTGPU_PLANT, or the harness writes into the memory

struct Plant {
  PlantedBy by;
  const char* name;  // value of SOFTGPU_PLANT, or class planted by the CPU
  ViolationClass expected;
  const char* perturbation;                       // event in which it shows
  std::optional<Context> context = std::nullopt;  // none: the usual one
};

// docs/softgpu.md explains what each plant does; a skipped hook shows in the PFN audit, which needs
// root: `missed` is expected then, and left out otherwise (audit_possible).
constexpr Plant kSoftwarePlants[] = {
    {PlantedBy::kDevice, "stale", ViolationClass::kStale, "fork_exit"},
    {PlantedBy::kDevice, "foreign", ViolationClass::kForeign, "fork_child_hold"},
    {PlantedBy::kDevice, "lost", ViolationClass::kLost, "sham"},
    {PlantedBy::kDevice, "torn", ViolationClass::kTorn, "sham"},
    {PlantedBy::kDevice, "zero", ViolationClass::kZero, "sham"},
    {PlantedBy::kDevice, "skip_hook:madvise", ViolationClass::kMissed, "dontneed"},
    {PlantedBy::kDevice, "lost_context", ViolationClass::kLost, "fork_exit", Context::kFull},
    {PlantedBy::kDevice, "torn_context", ViolationClass::kTorn, "fork_exit", Context::kFull},
    {PlantedBy::kDevice, "zero_context", ViolationClass::kZero, "fork_exit", Context::kFull},
};
// On a vCPU only a stale copy can be planted from the device's side; a real GPU plants nothing: the
// last of these is left out there.
constexpr Plant kCpuPlants[] = {
    {PlantedBy::kCpu, "stale", ViolationClass::kStale, "sham"},
    {PlantedBy::kCpu, "foreign", ViolationClass::kForeign, "sham"},
    {PlantedBy::kCpu, "lost", ViolationClass::kLost, "sham"},
    {PlantedBy::kCpu, "torn", ViolationClass::kTorn, "sham"},
    {PlantedBy::kCpu, "zero", ViolationClass::kZero, "sham"},
    {PlantedBy::kDevice, "stale", ViolationClass::kStale, "sham"},
};

std::span<const Plant> plants_of(std::string_view platform) {
  if (platform == "software") return kSoftwarePlants;
  const std::span<const Plant> all = kCpuPlants;
  return platform == "kvm" ? all : all.first(all.size() - 1);
}

constexpr unsigned kMostAttempts = 3;

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
                              Target{Recovery::kRetryFault, Memory::kSystem},
                              Target{Recovery::kWaitForJobs, Memory::kUserptr}};
// The engine plants its stale copy in memory that it was told of.
constexpr std::array kKvmTargets{Target{Recovery::kRetryFault, Memory::kUserptr}};

std::span<const Target> targets_of(std::string_view platform) {
  return platform == "kvm" ? std::span<const Target>(kKvmTargets) : kTargets;
}

SelfTestOutcome attempt(const Plant& plant, const Target& target, const DeviceInfo& device,
                        std::uint64_t seed) {
  constexpr std::uint32_t kEvents = 6;
  SelfTestOutcome outcome;
  outcome.planted = plant.name;
  outcome.recovery = to_string(target.recovery);
  outcome.expected = to_string(plant.expected);
  CaseRequest request;
  request.wanted.memory = target.memory;
  request.wanted.recovery = target.recovery;
  request.wanted.perturbation = plant.perturbation;
  request.wanted.context = plant.context.value_or(
      usual_context(*find_perturbation(request.wanted.perturbation), target.recovery));
  request.wanted.size_bytes = kSmallBytes;
  request.events = kEvents;
  request.seed = seed;
  request.grid = {1, device.lanes_per_wave};
  if (plant.by == PlantedBy::kCpu) request.plant = plant.name;
  WorkerProcess::Environment environment = WorkerProcess::environment_for(request.wanted);
  if (plant.by == PlantedBy::kDevice) environment["SOFTGPU_PLANT"] = plant.name;
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

/// Pages that the kernel migrates anywhere on the machine excuse as many missed ones, so that other
/// programs' compaction can hide this plant, and only this one: it has more than one chance.
SelfTestOutcome try_plant(const Plant& plant, const Target& target, const DeviceInfo& device,
                          std::uint64_t seed) {
  const unsigned most = plant.expected == ViolationClass::kMissed ? kMostAttempts : 1;
  SelfTestOutcome outcome;
  do {
    const unsigned attempts = outcome.attempts + 1;
    outcome = attempt(plant, target, device, seed + outcome.attempts);
    outcome.attempts = attempts;
  } while (!outcome.caught && outcome.left_out.empty() && outcome.attempts < most &&
           !stop_requested());
  return outcome;
}

}  // namespace

std::vector<SelfTestOutcome> run_self_test(const DeviceInfo& device, std::uint64_t seed) {
  std::vector<SelfTestOutcome> outcomes;
  for (const Target& target : targets_of(device.platform)) {
    for (const Plant& plant : plants_of(device.platform)) {
      if (stop_requested()) break;
      if (plant.expected == ViolationClass::kMissed && geteuid() != 0) continue;
      // Only who preempts a wave saves what it holds: a fault leaves it there, a job is not
      // stopped.
      if (plant.context == Context::kFull && target.recovery != Recovery::kPreempt) continue;
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
    return fmt::format("{:<20} {:<13} left out: {}\n", outcome.planted, outcome.recovery,
                       outcome.left_out);
  }
  return fmt::format("{:<20} {:<13} expected {:<9} {}{}{} ({})\n", outcome.planted,
                     outcome.recovery, outcome.expected, outcome.caught ? "caught" : "NOT CAUGHT",
                     outcome.attempts > 1 ? fmt::format(" in {} attempts", outcome.attempts) : "",
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
