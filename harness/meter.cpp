// SPDX-License-Identifier: MIT
#include "harness/meter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "analysis/statistics.hpp"

namespace notifier {
namespace {

/// Readings by what was asked for: 0, 50 µs ...
using ReadingsByHold = std::map<double, std::vector<MeterPoint>>;
/// One delay for all of a length.
using Summary = std::optional<double> (*)(const std::vector<double>&);

/// Least squares through one point for each length; nothing where all have one place.
std::optional<double> fit_slope(const ReadingsByHold& readings, Summary summary) {
  std::vector<std::pair<double, double>> places;
  double mean_x = 0;
  double mean_y = 0;
  for (const auto& [hold_ns, points] : readings) {
    std::vector<double> injected;
    std::vector<double> delay;
    for (const MeterPoint& point : points) {
      injected.push_back(point.injected_ns);
      delay.push_back(point.measured_ns - point.injected_ns);
    }
    const double x = *analysis::median(injected);
    places.emplace_back(x, x + *summary(delay));
    mean_x += places.back().first / static_cast<double>(readings.size());
    mean_y += places.back().second / static_cast<double>(readings.size());
  }
  double covariance = 0;
  double variance = 0;
  for (const auto& [x, y] : places) {
    covariance += (x - mean_x) * (y - mean_y);
    variance += (x - mean_x) * (x - mean_x);
  }
  if (variance <= 0) return std::nullopt;
  return covariance / variance;
}

// One late hold of several bends nothing.
std::optional<double> median_delay(const std::vector<double>& delays) {
  return analysis::median(delays);
}

std::optional<double> least_delay(const std::vector<double>& delays) {
  return *std::min_element(delays.begin(), delays.end());
}

bool is_one(double slope) { return std::abs(slope - 1) <= kMeterSlopeTolerance; }

MeterReport judge_method(const std::string& method, std::span<const MeterPoint> points) {
  MeterReport report;
  report.method = method;
  report.points = points.size();
  std::vector<double> at_zero;
  ReadingsByHold readings;
  for (const MeterPoint& point : points) {
    readings[point.hold_ns].push_back(point);
    if (point.hold_ns == 0) at_zero.push_back(point.measured_ns);
  }
  constexpr std::size_t kFewestLengths = 3;  // 0 and two others
  if (at_zero.empty() || readings.size() < kFewestLengths) return report;
  const std::optional<double> slope = fit_slope(readings, median_delay);
  if (!slope) return report;
  report.slope = *slope;
  report.ruler_slope = *fit_slope(readings, least_delay);
  report.constant_ns = *analysis::median(at_zero);
  report.detection_floor_ns = *analysis::maximum(at_zero);
  std::vector<double> residuals;
  for (const MeterPoint& point : points) {
    residuals.push_back(std::abs(point.measured_ns - point.injected_ns - report.constant_ns));
  }
  report.residual_median_ns = *analysis::median(residuals);
  report.residual_largest_ns = *analysis::maximum(residuals);
  report.reliable = is_one(report.slope) && report.residual_median_ns <= kMeterResidualLimit_ns;
  return report;
}

}  // namespace

std::vector<MeterReport> judge_meter(std::span<const MeterPoint> points) {
  std::vector<std::string> methods;
  for (const MeterPoint& point : points) {
    if (std::find(methods.begin(), methods.end(), point.method) == methods.end()) {
      methods.push_back(point.method);
    }
  }
  std::vector<MeterReport> reports;
  for (const std::string& method : methods) {
    std::vector<MeterPoint> own;
    for (const MeterPoint& point : points) {
      if (point.method == method) own.push_back(point);
    }
    reports.push_back(judge_method(method, own));
  }
  return reports;
}

std::string why_unreliable(const MeterReport& report) {
  if (report.reliable) return {};
  if (is_one(report.ruler_slope)) {
    return fmt::format(
        "noise, not the ruler: through the least late hold of each length the slope is {:.4f}",
        report.ruler_slope);
  }
  return fmt::format(
      "the ruler or more noise than repetition removes: through the least late hold of each length "
      "the slope is {:.4f}",
      report.ruler_slope);
}

bool is_reliable(std::span<const MeterReport> reports) {
  return !reports.empty() && std::all_of(reports.begin(), reports.end(),
                                         [](const auto& report) { return report.reliable; });
}

std::vector<double> meter_holds_ns(bool long_form) {
  constexpr int kRounds = 3;
  std::vector<double> lengths{50e3, 100e3, 500e3, 1e6, 5e6, 20e6};
  if (long_form) lengths.insert(lengths.end(), {200e3, 2e6, 10e6, 50e6, 100e6});
  std::vector<double> holds;
  for (int round = 0; round < kRounds; ++round) {
    for (const double length : lengths) holds.insert(holds.end(), {0, length});
  }
  return holds;
}

}  // namespace notifier
