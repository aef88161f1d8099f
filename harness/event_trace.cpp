// SPDX-License-Identifier: MIT
#include "harness/event_trace.hpp"

#include <algorithm>

namespace notifier {
namespace {

using analysis::Metric;
using nlohmann::json;

// A wave's ring can hold thousands of gaps; a viewer needs the long ones.
constexpr std::size_t kGapsPerWave = 32;

class TraceEvent {
 public:
  explicit TraceEvent(std::int64_t origin_ns) : origin_ns_(static_cast<double>(origin_ns)) {}

  void span(const std::string& track, const std::string& name, std::optional<double> begin_ns,
            std::optional<double> end_ns, json arguments = json::object()) {
    // Two clocks may contradict each other by their residual; a span cannot end before it begins.
    if (!begin_ns || !end_ns || *end_ns < *begin_ns) return;
    document_["spans"].push_back({{"track", track},
                                  {"name", name},
                                  {"begin_ns", *begin_ns - origin_ns_},
                                  {"end_ns", *end_ns - origin_ns_},
                                  {"arguments", std::move(arguments)}});
  }
  void instant(const std::string& track, const std::string& name, double time_ns, json arguments) {
    document_["instants"].push_back({{"track", track},
                                     {"name", name},
                                     {"time_ns", time_ns - origin_ns_},
                                     {"arguments", std::move(arguments)}});
  }
  json take() { return std::move(document_); }
  json& operator[](const char* field) { return document_[field]; }

 private:
  double origin_ns_;
  json document_{{"spans", json::array()}, {"instants", json::array()}};
};

json numbers_of(const analysis::SampleRow& sample) {
  json numbers = json::object();
  for (const analysis::MetricInfo& metric : analysis::event_metrics()) {
    if (const auto& value = sample[metric.metric]) numbers[std::string(metric.name)] = *value;
  }
  if (!sample.flags.empty()) numbers["flags"] = sample.flags;
  return numbers;
}

const char* track_of(DriverEventKind kind) {
  return kind == DriverEventKind::kQueueRestore || kind == DriverEventKind::kStopReport
             ? "restore worker"
             : "supervisor";
}

void add_driver_events(const EventObservation& observation, TraceEvent& trace) {
  for (const DriverEvent& event : observation.driver_events) {
    if (!event.boottime_ns || event.kind == DriverEventKind::kStopReport) continue;
    const auto time = observation.clocks->boottime.to_raw(*event.boottime_ns);
    if (!time) continue;
    trace.instant(track_of(event.kind), std::string(driver_event_name(event.kind)),
                  static_cast<double>(time->value), {{"line", event.raw.view()}});
  }
}

/// A track for each kernel thread that was watched: calls of one thread nest, of several they do
/// not.
void add_kernel_calls(const EventObservation& observation, TraceEvent& trace) {
  for (const KernelSpan& call : observation.kernel_spans) {
    const auto begin = observation.clocks->boottime.to_raw(call.begin_boottime_ns);
    const auto end = observation.clocks->boottime.to_raw(call.end_boottime_ns);
    if (!begin || !end) continue;
    const KernelFunction* const function = find_kernel_function(call.function);
    trace.span("kernel thread " + std::to_string(call.thread), call.function,
               static_cast<double>(begin->value), static_cast<double>(end->value),
               {{"thread", call.thread_name},
                {"meaning", function == nullptr ? std::string_view() : function->meaning}});
  }
}

void add_gap(const EventObservation& observation, const std::string& track, const GapRecord& gap,
             TraceEvent& trace) {
  const auto begin = observation.clocks->gpu.to_raw(static_cast<std::int64_t>(gap.start_ticks));
  const auto end =
      observation.clocks->gpu.to_raw(static_cast<std::int64_t>(gap.start_ticks + gap.length_ticks));
  if (!begin || !end) return;
  trace.span(track, "no progress", static_cast<double>(begin->value),
             static_cast<double>(end->value),
             {{"by_device_clock_ns", static_cast<double>(gap.length_ticks) * observation.tick_ns}});
}

void add_waves(const EventObservation& observation, TraceEvent& trace) {
  for (std::size_t wave = 0; wave < observation.waves.size(); ++wave) {
    const WaveWindow& window = observation.waves[wave];
    std::vector<GapRecord> gaps = window.gaps;
    const GapRecord longest{window.after.longest_gap_start_ticks, window.after.longest_gap_ticks};
    const bool recorded = std::any_of(gaps.begin(), gaps.end(), [&](const GapRecord& gap) {
      return gap.start_ticks == longest.start_ticks;
    });
    if (!recorded && longest.length_ticks > 0) gaps.push_back(longest);
    std::stable_sort(gaps.begin(), gaps.end(), [](const GapRecord& a, const GapRecord& b) {
      return a.length_ticks > b.length_ticks;
    });
    gaps.resize(std::min(gaps.size(), kGapsPerWave));
    for (const GapRecord& gap : gaps) {
      add_gap(observation, "wave " + std::to_string(wave), gap, trace);
    }
  }
}

void add_stations(const EventTimeline& timeline, TraceEvent& trace) {
  trace.span("supervisor", "notifier: stop the queues", timeline.evicted_ns, timeline.notified_ns);
  trace.span("restore worker", "restore delay", timeline.notified_ns, timeline.restore_began_ns);
  if (timeline.restore_began_ns) {
    trace.span("restore worker", "revalidation", timeline.restore_began_ns, timeline.restored_ns);
  } else {
    trace.span("restore worker", "evicted", timeline.evicted_ns, timeline.restored_ns);
  }
  trace.span("restore worker", "resume", timeline.restored_ns, timeline.first_resumed_ns);
}

}  // namespace

json trace_event(const EventObservation& observation, const std::optional<EventTimeline>& timeline,
                 const analysis::SampleRow& sample, const EventTraceContext& context) {
  TraceEvent trace(context.origin_ns);
  trace["event"] = sample.event;
  trace["run"] = sample.run;
  trace["stall_ns"] = sample[Metric::kStall].value_or(0);
  const auto enter_ns = static_cast<double>(observation.enter_ns);
  const auto leave_ns = static_cast<double>(observation.leave_ns);
  trace.span("caller", context.perturbation, enter_ns, leave_ns, numbers_of(sample));
  trace.span("child", "child of " + context.perturbation, leave_ns, context.child_end_ns);
  if (timeline) {
    add_stations(*timeline, trace);
    if (timeline->evicted_ns) trace["evicted_ns"] = *timeline->evicted_ns - enter_ns;
    trace["stall_begin_ns"] = timeline->last_progress_ns - static_cast<double>(context.origin_ns);
    trace["stall_end_ns"] = timeline->first_progress_ns - static_cast<double>(context.origin_ns);
  }
  if (observation.clocks != nullptr) {
    add_driver_events(observation, trace);
    add_waves(observation, trace);
    add_kernel_calls(observation, trace);
  }
  return trace.take();
}

}  // namespace notifier
