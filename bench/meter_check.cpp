// SPDX-License-Identifier: MIT
#include "bench/meter_check.hpp"

#include <fmt/format.h>

#include <iterator>

#include "bench/case_families.hpp"
#include "bench/suite.hpp"
#include "harness/format.hpp"

namespace notifier {

MeterCheck check_meter(const WorkloadGrid& grid, std::uint64_t seed, bool long_form) {
  MeterCheck check;
  CaseRequest request;
  request.wanted.perturbation = "sham";
  // Ring and clocks are on trial, not the restore: its work, which varies, is smallest here.
  request.wanted.size_bytes = kSmallBytes;
  request.seed = seed;
  request.grid = grid;
  const auto worker = WorkerProcess::start(WorkerProcess::environment_for(request.wanted));
  if (!worker->device()) {
    check.failure = worker->no_device_reason();
    return check;
  }
  const WorkerProcess::MeterOutcome outcome =
      worker->measure_meter(request, long_form, stop_requested);
  check.failure = outcome.failure;
  check.refusals = outcome.refusals;
  check.reports = judge_meter(outcome.points);
  return check;
}

std::string describe(const MeterCheck& check) {
  if (!check.failure.empty()) return "meter: not validated: " + check.failure + "\n";
  std::string text;
  for (const MeterReport& report : check.reports) {
    fmt::format_to(std::back_inserter(text),
                   "meter ({}): slope {:.4f}, constant {}, residual median {}, floor {}: {}\n",
                   report.method, report.slope, format_duration(report.constant_ns),
                   format_duration(report.residual_median_ns),
                   format_duration(report.detection_floor_ns),
                   report.reliable ? "reliable" : "UNRELIABLE (" + why_unreliable(report) + ")");
  }
  for (const std::string& refusal : check.refusals) text += "meter: left out: " + refusal + "\n";
  return text;
}

nlohmann::json to_json(const MeterCheck& check) {
  nlohmann::json reports = nlohmann::json::array();
  for (const MeterReport& report : check.reports) {
    reports.push_back({{"method", report.method},
                       {"points", report.points},
                       {"slope", report.slope},
                       {"constant_ns", report.constant_ns},
                       {"residual_median_ns", report.residual_median_ns},
                       {"residual_largest_ns", report.residual_largest_ns},
                       {"detection_floor_ns", report.detection_floor_ns},
                       {"ruler_slope", report.ruler_slope},
                       {"why", why_unreliable(report)},
                       {"reliable", report.reliable}});
  }
  return {{"reliable", check.reliable()},
          {"failure", check.failure},
          {"refusals", check.refusals},
          {"reports", reports}};
}

}  // namespace notifier
