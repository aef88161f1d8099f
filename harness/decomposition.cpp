// SPDX-License-Identifier: MIT
#include "harness/decomposition.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/flags.hpp"
#include "harness/kfd_counters.hpp"

namespace notifier {
namespace {

using analysis::Metric;

/// Brings the driver's times onto the raw clock and keeps the worst residual.
class RawClock {
 public:
  RawClock(const EventObservation& observation, double residual_ns)
      : observation_(observation), residual_ns_(residual_ns) {}

  std::optional<double> at(std::optional<std::int64_t> boottime_ns) {
    if (!boottime_ns || observation_.clocks == nullptr) return std::nullopt;
    const auto time = observation_.clocks->boottime.to_raw(*boottime_ns);
    if (!time) return std::nullopt;
    residual_ns_ = std::max(residual_ns_, time->residual_ns);
    return static_cast<double>(time->value);
  }
  double residual_ns() const { return residual_ns_; }

 private:
  const EventObservation& observation_;
  double residual_ns_;
};

/// The report of the stop that this eviction began or joined: stamped before the eviction's line
/// was written, and not over by then.
const DriverEvent* report_of(const EventObservation& observation, const DriverEvent& eviction) {
  const DriverEvent* found = nullptr;
  for (const DriverEvent& event : observation.driver_events) {
    if (!event.stop || !event.boottime_ns || *event.boottime_ns > *eviction.boottime_ns) continue;
    if (!event.stop->notified ||
        *event.boottime_ns + *event.stop->notified >= *eviction.boottime_ns) {
      found = &event;
    }
  }
  return found;
}

void add_report(const DriverEvent& report, RawClock& clock, EventTimeline& timeline) {
  const StopReport& stop = *report.stop;
  const auto at = [&](std::optional<std::int64_t> offset_ns) -> std::optional<double> {
    if (!offset_ns) return std::nullopt;
    return clock.at(*report.boottime_ns + *offset_ns);
  };
  timeline.notified_ns = at(stop.notified);
  timeline.restore_began_ns = at(stop.restore_began);
  timeline.first_parked_ns = at(stop.first_parked);
  timeline.last_parked_ns = at(stop.last_parked);
  timeline.first_resumed_ns = at(stop.first_resumed);
  timeline.last_resumed_ns = at(stop.last_resumed);
}

/// The call of such a function during which `boottime_ns` was stamped.
const KernelSpan* call_around(const EventObservation& observation, std::int64_t boottime_ns,
                              bool KernelFunction::*kind) {
  constexpr auto kSlack_ns = static_cast<std::int64_t>(kKernelProbeResolution_ns);
  for (const KernelSpan& span : observation.kernel_spans) {
    const KernelFunction* const function = find_kernel_function(span.function);
    if (function == nullptr || !(function->*kind)) continue;
    if (span.begin_boottime_ns - kSlack_ns <= boottime_ns &&
        boottime_ns <= span.end_boottime_ns + kSlack_ns) {
      return &span;
    }
  }
  return nullptr;
}

/// KFD writes its events from within the functions that stop and start the queues. Only of these
/// two triggers: others (TTM, CRIU) take other ways.
void add_kernel_stations(const EventObservation& observation, const DriverEvent& eviction,
                         const DriverEvent& restore, RawClock& clock, EventTimeline& timeline) {
  const auto trigger = static_cast<EvictionTrigger>(eviction.trigger.value_or(~0U));
  const bool watched = std::any_of(
      observation.kernel_spans.begin(), observation.kernel_spans.end(), [](const KernelSpan& span) {
        const KernelFunction* const function = find_kernel_function(span.function);
        return function != nullptr && function->stops_device;
      });
  if (!watched || (trigger != EvictionTrigger::kSvm && trigger != EvictionTrigger::kUserptr)) {
    return;
  }
  const KernelSpan* const stop =
      call_around(observation, *eviction.boottime_ns, &KernelFunction::stops_device);
  const KernelSpan* const start =
      call_around(observation, *restore.boottime_ns, &KernelFunction::starts_device);
  if (stop != nullptr) timeline.queues_stopped_ns = clock.at(stop->end_boottime_ns);
  if (start != nullptr) timeline.resume_began_ns = clock.at(start->begin_boottime_ns);
  timeline.outside_kernel_calls = stop == nullptr || start == nullptr;
}

std::optional<double> between(std::optional<double> from_ns, std::optional<double> to_ns) {
  if (!from_ns || !to_ns) return std::nullopt;
  return *to_ns - *from_ns;
}

bool is_one_of(DriverEventKind kind, DriverEventKind first, DriverEventKind second) {
  return kind == first || kind == second;
}

/// CPU time that waves lost within the stall, by their threads' own clocks: they stood for it
/// without a stop of the queues.
double lost_cpu_ns(const EventObservation& observation, const EventTimeline& timeline) {
  RawClock clock(observation, 0);
  double lost_ns = 0;
  for (const DriverEvent& event : observation.driver_events) {
    if (event.kind != DriverEventKind::kLostCpu || !event.lost_ns) continue;
    const auto noticed_ns = clock.at(event.boottime_ns);
    const auto length_ns = static_cast<double>(*event.lost_ns);
    // It is noticed when the wave stamps its next progress, which ends the stall, or on the way.
    if (!noticed_ns || *noticed_ns < timeline.last_progress_ns ||
        *noticed_ns - length_ns > timeline.first_progress_ns) {
      continue;
    }
    lost_ns += length_ns;
  }
  return lost_ns;
}

struct Service {
  double total_ns = 0;
  double count = 0;
  double pages = 0;
};

/// Pairs starts and ends at the same address, in order.
std::optional<Service> serve_times(const EventObservation& observation, DriverEventKind start,
                                   DriverEventKind end) {
  std::optional<Service> service;
  std::map<std::uint64_t, std::int64_t> open;
  for (const DriverEvent& event : observation.driver_events) {
    if (!is_one_of(event.kind, start, end) || !event.boottime_ns) continue;
    const std::uint64_t address = event.address_pages.value_or(0);
    if (event.kind == start) {
      open[address] = *event.boottime_ns;
      continue;
    }
    const auto begun = open.find(address);
    if (begun == open.end()) continue;
    if (!service) service.emplace();
    service->total_ns += static_cast<double>(*event.boottime_ns - begun->second);
    service->pages += static_cast<double>(event.size_pages.value_or(0));
    ++service->count;
    open.erase(begun);
  }
  return service;
}

}  // namespace

StopBounds stop_bounds(const EventTimeline& timeline) {
  StopBounds bounds;
  if (timeline.first_parked_ns && timeline.last_resumed_ns) {
    bounds.shortest_ns = std::max(0.0, *timeline.first_resumed_ns - *timeline.last_parked_ns);
    bounds.longest_ns = *timeline.last_resumed_ns - *timeline.first_parked_ns;
  } else if (timeline.evicted_ns && timeline.restored_ns &&
             *timeline.evicted_ns <= timeline.leave_ns) {
    bounds.shortest_ns = std::max(0.0, *timeline.restored_ns - timeline.leave_ns);
  }
  if (timeline.queues_stopped_ns && timeline.resume_began_ns) {
    bounds.shortest_ns =
        std::max(bounds.shortest_ns, *timeline.resume_began_ns - *timeline.queues_stopped_ns);
  }
  return bounds;
}

double disagreement_ns(const StopBounds& bounds, double stall_ns) {
  if (stall_ns < bounds.shortest_ns) return bounds.shortest_ns - stall_ns;
  if (bounds.longest_ns && stall_ns > *bounds.longest_ns) return stall_ns - *bounds.longest_ns;
  return 0;
}

std::optional<EventTimeline> make_timeline(const EventObservation& observation,
                                           const EvictionPairing& pairing, double begin_ns,
                                           double end_ns, double residual_ns) {
  RawClock clock(observation, residual_ns);
  const EvictionPair* best = nullptr;
  double best_shared_ns = 0;
  EventTimeline timeline;
  for (const EvictionPair& pair : pairing.pairs) {
    const auto evicted_ns = clock.at(observation.driver_events[pair.eviction_index].boottime_ns);
    const auto restored_ns = clock.at(observation.driver_events[pair.restore_index].boottime_ns);
    if (!evicted_ns || !restored_ns) continue;
    const double shared_ns = std::min(*restored_ns, end_ns) - std::max(*evicted_ns, begin_ns);
    if (shared_ns <= best_shared_ns) continue;
    best = &pair;
    best_shared_ns = shared_ns;
    timeline.evicted_ns = evicted_ns;
    timeline.restored_ns = restored_ns;
  }
  if (best == nullptr) return std::nullopt;
  timeline.enter_ns = static_cast<double>(observation.enter_ns);
  timeline.leave_ns = static_cast<double>(observation.leave_ns);
  timeline.last_progress_ns = begin_ns;
  timeline.first_progress_ns = end_ns;
  const DriverEvent& eviction = observation.driver_events[best->eviction_index];
  if (const DriverEvent* report = report_of(observation, eviction)) {
    add_report(*report, clock, timeline);
  }
  add_kernel_stations(observation, eviction, observation.driver_events[best->restore_index], clock,
                      timeline);
  timeline.residual_ns = clock.residual_ns();
  return timeline;
}

void fill_parts(const EventObservation& observation, const EventTimeline& timeline,
                analysis::SampleRow& sample) {
  sample[Metric::kCallToEvict] = between(timeline.enter_ns, timeline.evicted_ns);
  sample[Metric::kEvictToStop] = between(timeline.evicted_ns, timeline.last_progress_ns);
  sample[Metric::kStopToRestore] = between(timeline.last_progress_ns, timeline.restored_ns);
  sample[Metric::kNotifier] = between(timeline.last_progress_ns, timeline.notified_ns);
  sample[Metric::kRestoreDelay] = between(timeline.notified_ns, timeline.restore_began_ns);
  sample[Metric::kRevalidation] = between(timeline.restore_began_ns, timeline.restored_ns);
  sample[Metric::kRestoreToProgress] = between(timeline.restored_ns, timeline.first_progress_ns);
  const StopBounds bounds = stop_bounds(timeline);
  sample[Metric::kDriverStall] = bounds.longest_ns;

  // Each clock's order of stations, and the length of the stop by clocks that have nothing to do
  // with the device's: the driver reports an eviction before it stops queues and a restore before
  // it starts them (kfd_facts §0.22). A station may be early by the clocks' residual and by the
  // last iteration before the stop, and by what a wave is known to have lost of its CPU.
  const double iteration_ns = observation.iteration_ticks * observation.tick_ns;
  const double slack_ns =
      2 * timeline.residual_ns + iteration_ns + lost_cpu_ns(observation, timeline);
  bool coherent =
      disagreement_ns(bounds, *sample[Metric::kStall]) <= slack_ns + kAgreementLimit_ns &&
      !timeline.outside_kernel_calls;
  for (const Metric metric :
       {Metric::kCallToEvict, Metric::kEvictToStop, Metric::kStopToRestore, Metric::kRestoreDelay,
        Metric::kRevalidation, Metric::kRestoreToProgress}) {
    coherent = coherent && sample[metric].value_or(0) >= -slack_ns;
  }
  if (!coherent) analysis::add_flag(sample.flags, "incoherent");
}

std::optional<double> preempt_ns(const EventObservation& observation) {
  std::optional<double> total_ns;
  for (const KernelSpan& span : observation.kernel_spans) {
    const KernelFunction* const function = find_kernel_function(span.function);
    if (function == nullptr || !function->stops_device) continue;
    total_ns =
        total_ns.value_or(0) + static_cast<double>(span.end_boottime_ns - span.begin_boottime_ns);
  }
  return total_ns;
}

bool counter_contradicts(const EventObservation& observation, const EvictionPairing& pairing) {
  if (!observation.kfd_evicted_ns) return false;
  double by_events_ns = 0;
  for (const EvictionPair& pair : pairing.pairs) {
    by_events_ns +=
        static_cast<double>(*observation.driver_events[pair.restore_index].boottime_ns -
                            *observation.driver_events[pair.eviction_index].boottime_ns);
  }
  // The counter sees each restore when it has been done, the event when it begins: one more jiffy.
  const double slack_ns = kLongestJiffy_ns * (static_cast<double>(pairing.pairs.size()) + 1);
  return std::abs(*observation.kfd_evicted_ns - by_events_ns) > slack_ns;
}

void fill_faults(const EventObservation& observation, analysis::SampleRow& sample) {
  if (const auto faults = serve_times(observation, DriverEventKind::kPageFaultStart,
                                      DriverEventKind::kPageFaultEnd)) {
    sample[Metric::kFault] = faults->total_ns;
    sample[Metric::kFaults] = faults->count;
  }
  if (const auto migrations =
          serve_times(observation, DriverEventKind::kMigrateStart, DriverEventKind::kMigrateEnd)) {
    sample[Metric::kMigrate] = migrations->total_ns;
    sample[Metric::kPagesMigrated] = migrations->pages;
  }
}

}  // namespace notifier
