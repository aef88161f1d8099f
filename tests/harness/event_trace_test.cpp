// SPDX-License-Identifier: MIT
// An event as tracks, and several of them in the Trace Event Format.
#include "harness/event_trace.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "harness/trace_file.hpp"

namespace notifier {
namespace {

using analysis::Metric;
using nlohmann::json;

constexpr std::int64_t kEnter_ns = 50'000'000;

json make_event(double stall_ns, std::int64_t number) {
  ClockCorrelation clocks;
  for (const std::int64_t raw_ns : {40'000'000L, 60'000'000L, 90'000'000L}) {
    ClockSample sample;
    sample.gpu = {raw_ns / 10, raw_ns, 20};
    sample.boottime = {raw_ns, raw_ns, 20};
    clocks.add(sample);
  }
  EventObservation observation;
  observation.clocks = &clocks;
  observation.enter_ns = kEnter_ns;
  observation.leave_ns = kEnter_ns + 70'000;
  DriverEvent eviction;
  eviction.kind = DriverEventKind::kQueueEviction;
  eviction.boottime_ns = kEnter_ns + 20'000;
  eviction.raw = BoundedText("9 ...");
  observation.driver_events = {eviction};
  observation.kernel_spans = {
      {"kgd2kfd_quiesce_mm", 4711, "bench", kEnter_ns + 19'000, kEnter_ns + 59'000}};
  WaveWindow wave;
  wave.after.longest_gap_start_ticks = (kEnter_ns + 30'000) / 10;
  wave.after.longest_gap_ticks = static_cast<std::uint64_t>(stall_ns) / 10;
  observation.waves = {wave};
  EventTimeline timeline;
  timeline.enter_ns = kEnter_ns;
  timeline.leave_ns = kEnter_ns + 70'000;
  timeline.last_progress_ns = kEnter_ns + 30'000;
  timeline.first_progress_ns = timeline.last_progress_ns + stall_ns;
  timeline.evicted_ns = kEnter_ns + 20'000;
  timeline.notified_ns = kEnter_ns + 60'000;
  timeline.restore_began_ns = kEnter_ns + 1'060'000;
  timeline.restored_ns = kEnter_ns + 1'200'000;
  timeline.first_resumed_ns = kEnter_ns + 1'210'000;
  analysis::SampleRow sample;
  sample.event = number;
  sample[Metric::kStall] = stall_ns;
  sample[Metric::kSyscall] = 70'000;
  return trace_event(observation, timeline, sample,
                     {"fork_child_hold", 10'000'000, kEnter_ns + 9'000'000.0});
}

TEST(EventTrace, HasATrackForEachActor) {
  const json event = make_event(1'200'000, 3);
  std::set<std::string> tracks;
  for (const json& span : event.at("spans")) tracks.insert(span.at("track"));
  EXPECT_EQ(tracks, (std::set<std::string>{"caller", "supervisor", "restore worker", "child",
                                           "wave 0", "kernel thread 4711"}));
  EXPECT_EQ(event.at("spans")[0].at("begin_ns"), 40'000'000.0) << "since the origin";
  EXPECT_EQ(event.at("instants")[0].at("name"), "queue_eviction");
}

TEST(TraceCollection, KeepsTheWorstOrAll) {
  TraceCollection worst(2);
  TraceCollection all(2);
  for (const double stall_ns : {1'200'000.0, 5'000'000.0, 3'000'000.0}) {
    worst.add("a", 0, {make_event(stall_ns, 1)}, false);
    all.add("a", 0, {make_event(stall_ns, 1)}, true);
  }
  const auto calls = [](const TraceCollection& collection) {
    std::vector<double> stalls;
    const json trace = collection.to_json();
    for (const json& event : trace.at("traceEvents")) {
      if (event.at("name") == "fork_child_hold") stalls.push_back(event.at("args").at("stall_ns"));
    }
    std::sort(stalls.begin(), stalls.end());
    return stalls;
  };
  EXPECT_EQ(calls(worst), (std::vector<double>{3'000'000, 5'000'000}));
  EXPECT_EQ(calls(all).size(), 3u);
}

/// The rules of the Trace Event Format that viewers insist on.
void expect_well_formed(const json& trace) {
  std::map<std::pair<int, int>, std::vector<double>> open;  // ends of the slices that enclose
  std::map<std::uint64_t, std::string> flows;
  double last_ts = 0;
  for (const json& event : trace.at("traceEvents")) {
    const std::string phase = event.at("ph");
    ASSERT_TRUE(event.at("pid").is_number_integer());
    ASSERT_TRUE(event.at("name").is_string());
    if (phase == "M") continue;
    const double ts = event.at("ts");
    EXPECT_GE(ts, last_ts) << "not in order of time";
    last_ts = ts;
    std::vector<double>& ends = open[{event.at("pid"), event.at("tid")}];
    while (!ends.empty() && ends.back() <= ts) ends.pop_back();
    if (phase == "X") {
      const double end = ts + event.at("dur").get<double>();
      EXPECT_GE(event.at("dur"), 0);
      EXPECT_TRUE(ends.empty() || end <= ends.back() + 1e-6) << "slices of a track must nest";
      ends.push_back(end);
    } else if (phase == "i") {
      EXPECT_EQ(event.at("s"), "t");
    } else {
      ASSERT_TRUE(phase == "s" || phase == "t" || phase == "f") << phase;
      EXPECT_FALSE(ends.empty()) << "a flow begins and ends inside a slice";
      flows[event.at("id")] += phase;
    }
  }
  EXPECT_FALSE(flows.empty());
  for (const auto& [id, phases] : flows) EXPECT_EQ(phases, "stf") << "flow " << id;
}

TEST(TraceCollection, FollowsTheFormatsRules) {
  TraceCollection collection(3);
  collection.add("userptr/anon/fork_child_hold", 1, {make_event(1'200'000, 1)}, false);
  collection.add("managed/anon/fork_child_hold", 0, {make_event(1'300'000, 2)}, false);
  const json trace = collection.to_json();
  expect_well_formed(trace);
  std::set<std::string> names;
  for (const json& event : trace.at("traceEvents")) {
    if (event.at("ph") == "M") names.insert(event.at("args").value("name", ""));
  }
  EXPECT_TRUE(names.count("userptr/anon/fork_child_hold"));
  EXPECT_TRUE(names.count("restore worker"));
}

}  // namespace
}  // namespace notifier
