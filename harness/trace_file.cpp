// SPDX-License-Identifier: MIT
#include "harness/trace_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>

namespace notifier {
namespace {

using nlohmann::json;

constexpr int kFirstWaveTrack = 10;
constexpr int kFirstKernelTrack = 1'000'000;  // above every wave; thread numbers end at 2^22
constexpr std::string_view kWaveTrack = "wave ";
constexpr std::string_view kKernelTrack = "kernel thread ";

int track_number(const std::string& track) {
  if (track == "caller") return 1;
  if (track == "supervisor") return 2;
  if (track == "restore worker") return 3;
  if (track == "child") return 4;
  if (track.starts_with(kKernelTrack)) {
    return kFirstKernelTrack + std::stoi(track.substr(kKernelTrack.size()));
  }
  return kFirstWaveTrack + std::stoi(track.substr(kWaveTrack.size()));
}

/// The format's unit is µs; whole ns keep neighbouring spans from overlapping by rounding.
double microseconds(double time_ns) { return std::round(time_ns) / 1000; }

json slice(int process, const json& span) {
  const double begin = microseconds(span.at("begin_ns"));
  return {{"ph", "X"},
          {"cat", "event"},
          {"name", span.at("name")},
          {"pid", process},
          {"tid", track_number(span.at("track"))},
          {"ts", begin},
          {"dur", std::round((microseconds(span.at("end_ns")) - begin) * 1000) / 1000},
          {"args", span.at("arguments")}};
}

json instant(int process, const json& point) {
  return {{"ph", "i"},
          {"cat", "driver"},
          {"s", "t"},
          {"name", point.at("name")},
          {"pid", process},
          {"tid", track_number(point.at("track"))},
          {"ts", microseconds(point.at("time_ns"))},
          {"args", point.at("arguments")}};
}

json named(int process, int track, const char* what, json arguments) {
  // Readers sort by time, also what has none.
  return {
      {"ph", "M"}, {"cat", "__metadata"},         {"name", what}, {"pid", process}, {"tid", track},
      {"ts", 0},   {"args", std::move(arguments)}};
}

const json* find_span(const json& event, const std::string& track_prefix, const char* begin_field) {
  const json* best = nullptr;
  for (const json& span : event.at("spans")) {
    const std::string track = span.at("track");
    if (!track.starts_with(track_prefix)) continue;
    const bool starts_there =
        begin_field == nullptr ||
        std::abs(span.at("begin_ns").get<double>() - event.at(begin_field).get<double>()) < 2;
    if (starts_there && best == nullptr) best = &span;
  }
  return best;
}

/// Call → notifier → stall. Each end lies inside the slice it is to be drawn at.
void add_flow(int process, std::uint64_t id, const json& event, std::vector<json>& out) {
  if (!event.contains("stall_begin_ns")) return;
  const json* call = find_span(event, "caller", nullptr);
  const json* notifier = find_span(event, "supervisor", nullptr);
  const json* stall = find_span(event, "wave ", "stall_begin_ns");
  if (call == nullptr || notifier == nullptr || stall == nullptr) return;
  const auto step = [&](const char* phase, const json& span) {
    json flow{{"ph", phase},
              {"cat", "cause"},
              {"name", "call to stall"},
              {"id", id},
              {"pid", process},
              {"tid", track_number(span.at("track"))},
              {"ts", microseconds(span.at("begin_ns"))}};
    if (*phase == 'f') flow["bp"] = "e";
    out.push_back(flow);
  };
  step("s", *call);
  step("t", *notifier);
  step("f", *stall);
}

void add_tracks(int process, const std::string& name, const std::vector<json>& events,
                std::vector<json>& out) {
  out.push_back(named(process, 0, "process_name", {{"name", name}}));
  out.push_back(named(process, 0, "process_sort_index", {{"sort_index", process}}));
  std::set<std::string> tracks;
  for (const json& event : events) {
    for (const char* kind : {"spans", "instants"}) {
      for (const json& part : event.at(kind)) tracks.insert(part.at("track").get<std::string>());
    }
  }
  for (const std::string& track : tracks) {
    const int number = track_number(track);
    out.push_back(named(process, number, "thread_name", {{"name", track}}));
    out.push_back(named(process, number, "thread_sort_index", {{"sort_index", number}}));
  }
}

}  // namespace

void TraceCollection::add(const std::string& case_name, std::int64_t run, std::vector<json> events,
                          bool all) {
  if (events.empty()) return;
  std::vector<json>& kept = cases_[case_name];
  for (json& event : events) {
    event["run"] = run;
    kept.push_back(std::move(event));
  }
  std::stable_sort(kept.begin(), kept.end(), [](const json& a, const json& b) {
    return a.at("stall_ns").get<double>() > b.at("stall_ns").get<double>();
  });
  if (!all && kept.size() > worst_) kept.resize(worst_);
}

json TraceCollection::to_json() const {
  std::vector<json> timed;
  std::vector<json> names;
  int process = 0;
  std::uint64_t flow = 0;
  for (const auto& [case_name, events] : cases_) {
    ++process;
    add_tracks(process, case_name, events, names);
    for (const json& event : events) {
      for (const json& span : event.at("spans")) {
        json one = slice(process, span);
        one["args"]["run"] = event.at("run");
        one["args"]["event"] = event.at("event");
        timed.push_back(std::move(one));
      }
      for (const json& point : event.at("instants")) timed.push_back(instant(process, point));
      add_flow(process, ++flow, event, timed);
    }
  }
  // In order of time; of slices that begin together the longer one first, so that it encloses.
  std::stable_sort(timed.begin(), timed.end(), [](const json& a, const json& b) {
    const double a_ts = a.at("ts");
    const double b_ts = b.at("ts");
    if (a_ts != b_ts) return a_ts < b_ts;
    return a.value("dur", -1.0) > b.value("dur", -1.0);
  });
  names.insert(names.end(), std::make_move_iterator(timed.begin()),
               std::make_move_iterator(timed.end()));
  return {{"traceEvents", names}, {"displayTimeUnit", "ns"}};
}

}  // namespace notifier
