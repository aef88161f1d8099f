// SPDX-License-Identifier: MIT
#include "harness/sample_analysis.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/flags.hpp"
#include "analysis/statistics.hpp"
#include "harness/decomposition.hpp"
#include "harness/driver_event_pairing.hpp"

namespace notifier {
namespace {

using analysis::Metric;

// A stall is tainted when the operating system kept the CPU from a wave for this part of it.
constexpr double kTaintingShare = 0.01;

struct Interval {
  double begin_ns = 0;
  double end_ns = 0;
  double length() const { return end_ns - begin_ns; }
};

double overlap_ns(const Interval& a, const Interval& b) {
  return std::max(0.0, std::min(a.end_ns, b.end_ns) - std::max(a.begin_ns, b.begin_ns));
}

struct LongestGap {
  GapRecord gap{0, 0};
  std::vector<double> per_wave_ns;
};

LongestGap longest_gap(const EventObservation& observation) {
  LongestGap longest;
  for (const WaveWindow& wave : observation.waves) {
    const GapRecord gap{wave.after.longest_gap_start_ticks, wave.after.longest_gap_ticks};
    if (gap.length_ticks > longest.gap.length_ticks) longest.gap = gap;
    longest.per_wave_ns.push_back(static_cast<double>(gap.length_ticks) * observation.tick_ns);
  }
  return longest;
}

void fill_gap_sums(const EventObservation& observation, analysis::SampleRow& sample) {
  double most_ns = 0;
  double most_gaps = 0;
  double most_lost_ns = 0;
  for (const WaveWindow& wave : observation.waves) {
    double total_ticks = 0;
    for (const GapRecord& gap : wave.gaps) total_ticks += static_cast<double>(gap.length_ticks);
    const std::uint64_t recorded = wave.after.gaps_recorded - wave.before.gaps_recorded;
    if (recorded > wave.gaps.size()) analysis::add_flag(sample.flags, "gaps_lost");
    most_ns = std::max(most_ns, total_ticks * observation.tick_ns);
    most_gaps = std::max(most_gaps, static_cast<double>(recorded));
    const double window_ticks =
        static_cast<double>(wave.after.last_clock_ticks - wave.before.last_clock_ticks);
    const double iterations = static_cast<double>(wave.after.iterations - wave.before.iterations);
    const double lost_ticks = window_ticks - iterations * observation.iteration_ticks;
    most_lost_ns = std::max(most_lost_ns, lost_ticks * observation.tick_ns);
  }
  sample[Metric::kStallTotal] = most_ns;
  sample[Metric::kGaps] = most_gaps;
  sample[Metric::kWorkLost] = most_lost_ns;
}

std::optional<Interval> on_raw_clock(const GapRecord& gap, const EventObservation& observation,
                                     double& residual_ns) {
  if (observation.clocks == nullptr) return std::nullopt;
  const auto begin = observation.clocks->gpu.to_raw(static_cast<std::int64_t>(gap.start_ticks));
  const auto end =
      observation.clocks->gpu.to_raw(static_cast<std::int64_t>(gap.start_ticks + gap.length_ticks));
  if (!begin || !end) return std::nullopt;
  residual_ns = std::max({residual_ns, begin->residual_ns, end->residual_ns});
  return Interval{static_cast<double>(begin->value), static_cast<double>(end->value)};
}

std::optional<double> raw_time_of(const DriverEvent& event, const EventObservation& observation,
                                  double& residual_ns) {
  if (!event.boottime_ns || observation.clocks == nullptr) return std::nullopt;
  const auto time = observation.clocks->boottime.to_raw(*event.boottime_ns);
  if (!time) return std::nullopt;
  residual_ns = std::max(residual_ns, time->residual_ns);
  return static_cast<double>(time->value);
}

void fill_counts(const EventObservation& observation, const EvictionPairing& pairing,
                 analysis::SampleRow& sample) {
  std::int64_t evictions = 0;
  std::int64_t restores = 0;
  std::int64_t rescheduled = 0;
  for (const DriverEvent& event : observation.driver_events) {
    if (event.kind == DriverEventKind::kQueueEviction) ++evictions;
    if (event.kind != DriverEventKind::kQueueRestore) continue;
    ++(event.rescheduled ? rescheduled : restores);
  }
  sample.evictions = evictions;
  sample.restores = restores;
  sample.restores_rescheduled = rescheduled;
  sample.lost_events = static_cast<std::int64_t>(observation.lost_driver_events) +
                       static_cast<std::int64_t>(observation.lost_kernel_events) +
                       static_cast<std::int64_t>(pairing.unpaired_evictions.size() +
                                                 pairing.unpaired_restores.size());
  if (*sample.lost_events > 0) analysis::add_flag(sample.flags, "events_lost");
}

void flag_lost_cpu(const EventObservation& observation, const Interval& gap,
                   analysis::SampleRow& sample) {
  double ignored_residual_ns = 0;
  double lost_ns = 0;
  for (const DriverEvent& event : observation.driver_events) {
    if (event.kind != DriverEventKind::kLostCpu || !event.lost_ns) continue;
    const auto detected = raw_time_of(event, observation, ignored_residual_ns);
    if (!detected) continue;
    lost_ns += overlap_ns({*detected - static_cast<double>(*event.lost_ns), *detected}, gap);
  }
  if (lost_ns > kTaintingShare * gap.length()) analysis::add_flag(sample.flags, "lost_cpu");
}

}  // namespace

std::optional<EventTimeline> analyse_event(const EventObservation& observation,
                                           analysis::SampleRow& sample) {
  std::optional<EventTimeline> timeline;
  sample[Metric::kSyscall] = static_cast<double>(observation.leave_ns - observation.enter_ns);
  const LongestGap longest = longest_gap(observation);
  sample[Metric::kStall] = static_cast<double>(longest.gap.length_ticks) * observation.tick_ns;
  sample[Metric::kStallMedianWave] = analysis::median(longest.per_wave_ns);
  fill_gap_sums(observation, sample);

  sample[Metric::kMinorFaults] = observation.minor_faults;
  fill_faults(observation, sample);
  sample[Metric::kPreempt] = preempt_ns(observation);
  if (observation.involuntary_switches > 0) analysis::add_flag(sample.flags, "lost_cpu");
  const EvictionPairing pairing = pair_evictions(observation.driver_events);
  fill_counts(observation, pairing, sample);
  if (counter_contradicts(observation, pairing)) analysis::add_flag(sample.flags, "incoherent");
  double residual_ns = 0;
  const std::optional<Interval> gap = on_raw_clock(longest.gap, observation, residual_ns);
  if (gap) {
    timeline = make_timeline(observation, pairing, gap->begin_ns, gap->end_ns, residual_ns);
    if (timeline) fill_parts(observation, *timeline, sample);
    flag_lost_cpu(observation, *gap, sample);
    sample.clock_residual_ns = timeline ? timeline->residual_ns : residual_ns;
  }
  return timeline;
}

std::optional<double> stall_floor_ns(std::span<const analysis::SampleRow> samples) {
  std::vector<double> stalls;
  for (const analysis::SampleRow& sample : samples) {
    const std::optional<double>& stall = sample[Metric::kStall];
    if (sample.kind == analysis::EventKind::kSham && stall) stalls.push_back(*stall);
  }
  const analysis::Summary summary = analysis::summarize(stalls);
  return summary.p99 ? summary.p99 : summary.max;
}

void flag_below_floor(std::span<analysis::SampleRow> samples, double floor_ns) {
  for (analysis::SampleRow& sample : samples) {
    const std::optional<double>& stall = sample[Metric::kStall];
    if (sample.kind == analysis::EventKind::kEvent && stall && *stall <= floor_ns) {
      analysis::add_flag(sample.flags, "below_floor");
    }
  }
}

}  // namespace notifier
