// SPDX-License-Identifier: MIT
#include "harness/meter.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/statistics.hpp"

namespace notifier {
namespace {

struct Line {
  double slope = 0;
  bool defined = false;
};

/// Least squares of measured on injected.
Line fit(std::span<const MeterPoint> points) {
  double mean_x = 0;
  double mean_y = 0;
  for (const MeterPoint& point : points) {
    mean_x += point.injected_ns / static_cast<double>(points.size());
    mean_y += point.measured_ns / static_cast<double>(points.size());
  }
  double covariance = 0;
  double variance = 0;
  for (const MeterPoint& point : points) {
    covariance += (point.injected_ns - mean_x) * (point.measured_ns - mean_y);
    variance += (point.injected_ns - mean_x) * (point.injected_ns - mean_x);
  }
  if (variance <= 0) return {};
  return {covariance / variance, true};
}

MeterReport judge_method(const std::string& method, std::span<const MeterPoint> points) {
  MeterReport report;
  report.method = method;
  report.points = points.size();
  std::vector<double> at_zero;
  std::set<double> lengths;
  for (const MeterPoint& point : points) {
    if (point.injected_ns == 0) {
      at_zero.push_back(point.measured_ns);
    } else {
      lengths.insert(point.injected_ns);
    }
  }
  const Line line = fit(points);
  if (at_zero.empty() || lengths.size() < 2 || !line.defined) return report;
  report.slope = line.slope;
  report.constant_ns = *analysis::median(at_zero);
  report.detection_floor_ns = *analysis::maximum(at_zero);
  std::vector<double> residuals;
  for (const MeterPoint& point : points) {
    residuals.push_back(std::abs(point.measured_ns - point.injected_ns - report.constant_ns));
  }
  report.residual_median_ns = *analysis::median(residuals);
  report.residual_largest_ns = *analysis::maximum(residuals);
  report.reliable = std::abs(report.slope - 1) <= kMeterSlopeTolerance &&
                    report.residual_median_ns <= kMeterResidualLimit_ns;
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

bool is_reliable(std::span<const MeterReport> reports) {
  return !reports.empty() && std::all_of(reports.begin(), reports.end(),
                                         [](const auto& report) { return report.reliable; });
}

std::vector<double> meter_holds_ns(bool long_form) {
  std::vector<double> holds{0, 50e3, 0, 100e3, 0,    500e3, 0,    1e6,
                            0, 5e6,  0, 20e6,  50e3, 100e3, 500e3};
  if (long_form)
    holds.insert(holds.end(), {0, 200e3, 0, 2e6, 0, 10e6, 0, 50e6, 0, 100e6, 1e6, 5e6});
  return holds;
}

}  // namespace notifier
