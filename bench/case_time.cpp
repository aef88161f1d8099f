// SPDX-License-Identifier: MIT
#include "bench/case_time.hpp"

#include <algorithm>

#include "harness/folio_layout.hpp"
#include "harness/perturbation.hpp"

namespace notifier {
namespace {

// Fitted to the default and the quick selection on a quiet machine with two CPUs: by size, which
// the sweeps between the events take, and by what stands out.
constexpr double kCaseS = 0.12;         // memory, workload, calibration, last check
constexpr double kCaseSPerMiB = 0.014;  // nine sweeps, twice, and the scan of all of it
constexpr double kEventS = 0.002;
constexpr double kEventSPerMiB = 0.0016;     // one sweep, a restore, the copies
constexpr double kFolioSPerMiB = 0.005;      // making the folios again after the event
constexpr double kWorkerS = 0.3;             // a process with a device of its own
constexpr double kPlainEventS = 0.002;       // no device
constexpr double kEventsWithSham = 5.0 / 4;  // each fifth is one

}  // namespace

double estimated_s(const Case& wanted, std::uint32_t events) {
  const Perturbation* row = find_perturbation(wanted.perturbation);
  if (row != nullptr && row->ends_process) return kWorkerS * events;
  if (wanted.memory == Memory::kPlain) return kPlainEventS * events;
  const double mib = static_cast<double>(wanted.size_bytes) / (1 << 20);
  double event_s = kEventS + kEventSPerMiB * mib;
  if (folio_layout(wanted.backing)) event_s += kFolioSPerMiB * mib;
  // A call that finds a job at work waits for half of it, and the window for its end.
  event_s += 1.5e-9 * static_cast<double>(job_ns(wanted.context));
  return kCaseS + kCaseSPerMiB * mib + event_s * kEventsWithSham * events;
}

double estimated_s(const std::vector<SelectedCase>& cases) {
  double sum_s = 0;
  for (const SelectedCase& one : cases) sum_s += estimated_s(one.wanted, one.events);
  return sum_s;
}

void fit_into(double budget_s, std::uint32_t least_events, std::vector<SelectedCase>& cases) {
  std::uint32_t most = 0;
  for (const SelectedCase& one : cases) most = std::max(most, one.events);
  while (most > least_events && estimated_s(cases) > budget_s) {
    most -= (most + 9) / 10;
    most = std::max(most, least_events);
    for (SelectedCase& one : cases) one.events = std::min(one.events, most);
  }
}

}  // namespace notifier
