// SPDX-License-Identifier: MIT
// The part of a session that repeats one event at a rate.
#include <time.h>

#include "harness/case_session.hpp"

namespace notifier {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

void sleep_until(std::int64_t raw_ns) {
  const std::int64_t left_ns = raw_ns - monotonic_raw_ns();
  if (left_ns <= 0) return;
  const timespec pause{left_ns / kSecondNs, left_ns % kSecondNs};
  nanosleep(&pause, nullptr);
}

double iterations_between(const std::vector<WaveProgress>& before,
                          const std::vector<WaveProgress>& after) {
  double iterations = 0;
  for (std::size_t wave = 0; wave < before.size(); ++wave) {
    iterations += static_cast<double>(after[wave].iterations - before[wave].iterations);
  }
  return iterations;
}

}  // namespace

/// Iterations per ns while nothing happens. Measured beside each rate: on a busy machine the rate
/// of a minute ago says little.
double CaseSession::unperturbed_rate(double seconds) {
  const std::vector<WaveProgress> before = workload_->all_progress();
  const std::int64_t start_ns = monotonic_raw_ns();
  sleep_until(start_ns + static_cast<std::int64_t>(seconds * 1e9));
  const auto took_ns = static_cast<double>(monotonic_raw_ns() - start_ns);
  return iterations_between(before, workload_->all_progress()) / took_ns;
}

StormPoint CaseSession::storm(const Perturbation& row, double events_per_s, double seconds) {
  StormPoint point;
  point.wanted_per_s = events_per_s;
  const double rate_before = unperturbed_rate(seconds / 4);
  const std::uint64_t cursor = driver_events_ != nullptr ? driver_events_->cursor() : 0;
  const std::vector<WaveProgress> before = workload_->all_progress();
  const std::int64_t start_ns = monotonic_raw_ns();
  const auto end_ns = start_ns + static_cast<std::int64_t>(seconds * 1e9);
  const double period_ns = 1e9 / events_per_s;
  while (monotonic_raw_ns() < end_ns) {
    EventContext event;
    prepare(row, event);
    row.perform(event);
    if (row.finish != nullptr) row.finish(event);
    ++point.events;
    const std::int64_t next_ns =
        start_ns + static_cast<std::int64_t>(period_ns * static_cast<double>(point.events));
    sleep_until(std::min(next_ns, end_ns));
  }
  const auto took_ns = static_cast<double>(monotonic_raw_ns() - start_ns);
  const std::vector<WaveProgress> after = workload_->all_progress();
  point.done_per_s = 1e9 * static_cast<double>(point.events) / took_ns;
  wait_until_quiet(cursor);
  const double rate = (rate_before + unperturbed_rate(seconds / 4)) / 2;
  point.work_share = rate > 0 ? iterations_between(before, after) / took_ns / rate : 0;
  if (driver_events_ == nullptr) return point;
  for (const DriverEvent& event : driver_events_->events_since(cursor).events) {
    point.evictions += event.kind == DriverEventKind::kQueueEviction ? 1 : 0;
    point.faults += event.kind == DriverEventKind::kPageFaultEnd ? 1 : 0;
    if (event.kind != DriverEventKind::kQueueRestore) continue;
    ++(event.rescheduled ? point.rescheduled : point.restores);
  }
  take_driver_findings();
  return point;
}

}  // namespace notifier
