// SPDX-License-Identifier: MIT
#include "bench/self_test.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
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

SelfTestOutcome try_plant(const Plant& plant, const DeviceInfo& device, std::uint64_t seed) {
  constexpr std::uint32_t kEvents = 6;
  const bool software = device.platform == "software";
  SelfTestOutcome outcome;
  outcome.planted = plant.name;
  outcome.expected = to_string(plant.expected);
  CaseRequest request;
  request.wanted.perturbation = plant.perturbation;
  request.wanted.size_bytes = kSmallBytes;
  request.events = kEvents;
  request.seed = seed;
  request.grid = {1, device.lanes_per_wave};
  if (!software) request.plant = plant.name;
  WorkerProcess::Environment environment;
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
  outcome.found = counts_in_words(run.result->identity);
  outcome.caught = count_of(run.result->identity, plant.expected) > 0;
  return outcome;
}

}  // namespace

std::vector<SelfTestOutcome> run_self_test(const DeviceInfo& device, std::uint64_t seed) {
  std::vector<SelfTestOutcome> outcomes;
  const bool software = device.platform == "software";
  const std::span<const Plant> plants =
      software ? std::span<const Plant>(kSoftwarePlants) : std::span<const Plant>(kCpuPlants);
  for (const Plant& plant : plants) {
    if (stop_requested()) break;
    if (plant.expected == ViolationClass::kMissed && geteuid() != 0) continue;
    outcomes.push_back(try_plant(plant, device, seed));
  }
  return outcomes;
}

bool all_caught(const std::vector<SelfTestOutcome>& outcomes) {
  return !outcomes.empty() && std::all_of(outcomes.begin(), outcomes.end(),
                                          [](const auto& outcome) { return outcome.caught; });
}

}  // namespace notifier
