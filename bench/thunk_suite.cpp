// SPDX-License-Identifier: MIT
#include "bench/thunk_suite.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

#include "analysis/summary.hpp"
#include "harness/format.hpp"
#include "harness/pin/clock.hpp"

namespace notifier {
namespace {

using analysis::Status;

/// Whether enough memory is free for the measured memory and its unknown neighbour.
std::string memory_obstacle(const ThunkPoint& point) {
  const auto free_bytes = static_cast<std::uint64_t>(sysconf(_SC_AVPHYS_PAGES)) *
                          static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  if (point.size_bytes <= free_bytes / 4) return "";
  return fmt::format("needs twice {}; {} MiB are free", format_size(point.size_bytes),
                     free_bytes >> 20);
}

}  // namespace

ThunkSuite::ThunkSuite(const Thunk& thunk, const ThunkSuiteOptions& options, std::uint64_t seed,
                       std::vector<std::string> command)
    : thunk_(thunk),
      options_(options),
      random_(seed),
      health_(SystemView()),
      start_ns_(pin::raw_clock_ns()) {
  NewRecording made = describe_recording(std::string(thunk.platform()), thunk.node_name(), seed,
                                         std::move(command));
  identity_ = std::move(made.identity);
  recording_.emplace(options.results, std::move(made.manifest));
}

void ThunkSuite::run(const std::vector<ThunkPoint>& points, const std::function<bool()>& stop) {
  for (std::uint32_t run = 0; run < options_.runs; ++run) {
    for (const Group& group : in_random_order(points)) {
      if (!stop() && unsafe_.empty()) run_group(group, run, stop);
    }
  }
  recording_->write_manifest(
      {{"finished_utc", utc_now()}, {"interrupted", stop()}, {"stopped_for_safety", unsafe_}});
  report();
}

/// Making 10 000 ranges takes longer than the measurement, so all sizes share them.
std::vector<ThunkSuite::Group> ThunkSuite::in_random_order(const std::vector<ThunkPoint>& points) {
  std::map<std::pair<std::string, std::uint32_t>, Group> groups;
  for (const ThunkPoint& point : points) {
    groups[{point.memory, point.standing_ranges}].push_back(point);
  }
  std::vector<Group> order;
  for (auto& [key, group] : groups) {
    std::shuffle(group.begin(), group.end(), random_);
    order.push_back(std::move(group));
  }
  std::shuffle(order.begin(), order.end(), random_);
  return order;
}

void ThunkSuite::run_group(const Group& points, std::uint32_t run,
                           const std::function<bool()>& stop) {
  const bool svm = points.front().memory == "managed";
  if (svm && !thunk_.has_svm()) {
    return store_group(points, run, Status::kSkipped,
                       "this GPU or this KFD has no SVM (topology: SVMAPISupported)");
  }
  const auto kind = svm ? make_svm_kind(thunk_) : make_userptr_kind(thunk_);
  std::optional<StandingRanges> standing;
  try {
    standing.emplace(*kind, points.front().standing_ranges);
  } catch (const std::exception& error) {
    return store_group(points, run, Status::kFailed,
                       fmt::format("the standing ranges: {}", error.what()));
  }
  for (const ThunkPoint& point : points) {
    if (stop() || !unsafe_.empty()) return;
    const ThunkRequest request = make_request(point, run);
    const std::string obstacle = memory_obstacle(point);
    store(obstacle.empty() ? run_thunk_point(request, *kind)
                           : thunk_point_without(request, Status::kSkipped, obstacle));
    check_health();
  }
}

ThunkRequest ThunkSuite::make_request(const ThunkPoint& point, std::uint32_t run) const {
  return {.point = point,
          .events = options_.events.value_or(usual_events(point)),
          .run = run,
          .recording_start_ns = start_ns_};
}

void ThunkSuite::store_group(const Group& points, std::uint32_t run, Status status,
                             const std::string& reason) {
  for (const ThunkPoint& point : points) {
    store(thunk_point_without(make_request(point, run), status, reason));
  }
}

void ThunkSuite::store(ThunkResult result) {
  std::string medians;
  for (ThunkCaseResult& one : result) {
    identity_.complete(one.identity, recording_->name());
    for (analysis::SampleRow& sample : one.samples) sample.recording = recording_->name();
    const auto rows = analysis::summarize_run(one.identity, one.samples);
    recording_->add(rows, one.samples);
    medians += fmt::format(" {:>10}", format_duration(rows.front().p50));
    counts_.add(one.identity);
  }
  print_line(result.front().identity, medians);
}

void ThunkSuite::print_line(const analysis::SummaryRow& row, const std::string& medians) {
  if (!header_printed_) {
    header_printed_ = true;
    fmt::print("{:<8} {:>12} {:>8} {:>10} {:>10} {:>10} {:>10} {:>10}  (medians)\n", "memory",
               "ranges", "size", "register", "map", "unmap", "deregister", "munmap else");
  }
  fmt::print("{:<8} {:>12} {:>8}{}  {}\n", row.memory, row.context,
             format_size(static_cast<std::uint64_t>(row.size_bytes.value_or(0))), medians,
             row.reason);
}

void ThunkSuite::check_health() {
  for (const HealthFinding& finding : health_.check()) {
    if (!finding.stops_run || thunk_.platform() != "rocm" || !unsafe_.empty()) continue;
    unsafe_ = fmt::format("{}: {} ({})", finding.what, finding.text, finding.way_out);
    ++counts_.failed;
  }
}

void ThunkSuite::report() const {
  fmt::print("{}\n", counts_.outcomes());
  if (!unsafe_.empty()) fmt::print("stopped for safety: {}\n", unsafe_);
  if (thunk_.platform() == "software") {
    fmt::print("platform=software: these times describe the software GPU, not AMD hardware.\n");
  }
  fmt::print("results: {}\n", recording_->folder().string());
}

}  // namespace notifier
