// SPDX-License-Identifier: MIT
// One event on one time axis: what the caller, the driver, the waves and the device's own clock say
// about the same stop, and whether they agree. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "analysis/schema.hpp"
#include "harness/driver_event_pairing.hpp"
#include "harness/sample_analysis.hpp"

namespace notifier {

/// ns of CLOCK_MONOTONIC_RAW. What the driver does not tell is empty.
struct EventTimeline {
  double enter_ns = 0;
  double leave_ns = 0;
  double last_progress_ns = 0;   // by the device's clock, of the wave that stood longest
  double first_progress_ns = 0;  // after it
  std::optional<double> evicted_ns;
  std::optional<double> notified_ns;       // the notifier let the call go on
  std::optional<double> restore_began_ns;  // restore work begins
  std::optional<double> restored_ns;
  std::optional<double> first_parked_ns;  // stamped by the driver's side of the waves
  std::optional<double> last_parked_ns;
  std::optional<double> first_resumed_ns;
  std::optional<double> last_resumed_ns;
  // By kprobes: the function that stopped the queues returned; that which starts them was entered.
  std::optional<double> queues_stopped_ns;
  std::optional<double> resume_began_ns;
  bool outside_kernel_calls = false;  // a driver event that none of these functions was there for
  double residual_ns = 0;             // of the clock correlation, worst of all that were used
};

/// Device clock and driver's stamps may differ by this beyond the clocks' residual and one
/// iteration: what the meter's validation allows (kMeterResidualLimit_ns).
inline constexpr double kAgreementLimit_ns = 50'000;

/// How long the stop may have lasted by the clocks of CPU and driver alone.
struct StopBounds {
  double shortest_ns = 0;
  std::optional<double> longest_ns;
};

/// From the waves' own stamps where the driver reports them; else from the driver's events: the
/// queues stand at the latest when the notified call returns, and until the restore event; with
/// kprobes, between the functions that stop and start them.
StopBounds stop_bounds(const EventTimeline& timeline);

/// Time by which `stall_ns` lies outside the bounds; 0 inside.
double disagreement_ns(const StopBounds& bounds, double stall_ns);

/// The eviction that covers most of [begin_ns, end_ns] on the raw clock, with all its stations.
/// Empty when none does.
std::optional<EventTimeline> make_timeline(const EventObservation& observation,
                                           const EvictionPairing& pairing, double begin_ns,
                                           double end_ns, double residual_ns);

/// Fills the stations, the parts of the stall and the driver's own length of it; flags the sample
/// `incoherent` when they contradict each other.
void fill_parts(const EventObservation& observation, const EventTimeline& timeline,
                analysis::SampleRow& sample);

/// Time in the kernel functions that stop the device; empty when none was called, or none watched.
std::optional<double> preempt_ns(const EventObservation& observation);

/// Whether KFD's own count of evicted time contradicts its events. False where it does not count.
bool counter_contradicts(const EventObservation& observation, const EvictionPairing& pairing);

/// Service times of retry faults and migrations; empty where the driver told of none.
void fill_faults(const EventObservation& observation, analysis::SampleRow& sample);

}  // namespace notifier
