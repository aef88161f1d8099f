// SPDX-License-Identifier: MIT
#include "analysis/compare/quantile_curve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/bootstrap.hpp"
#include "analysis/compare/run_quantiles.hpp"
#include "analysis/random.hpp"
#include "analysis/statistics.hpp"

namespace notifier::analysis {
namespace {

constexpr std::size_t kSmallestRunCount = 3;
constexpr std::size_t kResamples = 500;  // a band in a picture needs no third digit
constexpr double kWidth = 420;
constexpr double kHeight = 180;
constexpr double kLeft = 52;
constexpr double kRight = 10;
constexpr double kTop = 10;
constexpr double kBottom = 24;

std::vector<double> probabilities(std::int64_t fewest_events) {
  std::vector<double> result;
  for (int percent = 5; percent <= 95; percent += 5) result.push_back(percent / 100.0);
  if (fewest_events >= static_cast<std::int64_t>(kSmallestCountForP99)) result.push_back(0.99);
  return result;
}

// Maps figures to the drawing's coordinates.
class Axes {
 public:
  Axes(const std::vector<CurvePoint>& curve, double margin) {
    low_ = -2 * margin;
    high_ = 2 * margin;
    for (const CurvePoint& point : curve) {
      low_ = std::min(low_, point.band.low);
      high_ = std::max(high_, point.band.high);
    }
    const double room = 0.05 * (high_ - low_);
    low_ -= room;
    high_ += room;
  }
  static double x(double probability) { return kLeft + probability * (kWidth - kLeft - kRight); }
  double y(double effect) const {
    return kTop + (high_ - effect) / (high_ - low_) * (kHeight - kTop - kBottom);
  }
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  double low_ = 0;
  double high_ = 0;
};

std::string label(double effect) { return fmt::format("{:+.1f} %", std::expm1(effect) * 100); }

std::string horizontal(const Axes& axes, double effect, const char* style) {
  const double y = axes.y(effect);
  return fmt::format(
      "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>"
      "<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"tick\" text-anchor=\"end\">{}</text>",
      kLeft, kWidth - kRight, y, y, style, kLeft - 4, y + 4, label(effect));
}

}  // namespace

std::vector<CurvePoint> quantile_curve(const CasePair& pair, const std::string& metric,
                                       const CompareOptions& options) {
  const RunQuantiles before(runs_with_metric(pair.old_runs, metric), metric);
  const RunQuantiles after(runs_with_metric(pair.new_runs, metric), metric);
  std::vector<CurvePoint> curve;
  if (!before.has_logs() || !after.has_logs()) return curve;
  for (const double q : probabilities(std::min(before.fewest_events(), after.fewest_events()))) {
    const std::vector<double> a = before.harrell_davis(q, true);
    const std::vector<double> b = after.harrell_davis(q, true);
    if (std::min(a.size(), b.size()) < kSmallestRunCount) return {};
    const BootstrapOptions bootstrap{kResamples, options.judge.confidence,
                                     hash_text(pair.case_name + "\n" + metric)};
    curve.push_back({q, median_of_runs(b) - median_of_runs(a), bootstrap_runs(a, b, bootstrap)});
  }
  return curve;
}

std::string curve_as_svg(const std::vector<CurvePoint>& curve, double margin) {
  if (curve.empty()) return {};
  const Axes axes(curve, margin);
  std::string upper;
  std::string lower;
  std::string line;
  for (const CurvePoint& point : curve) {
    const double x = Axes::x(point.probability);
    upper += fmt::format("{:.1f},{:.1f} ", x, axes.y(point.band.high));
    lower = fmt::format("{:.1f},{:.1f} ", x, axes.y(point.band.low)) + lower;
    line += fmt::format("{:.1f},{:.1f} ", x, axes.y(point.effect));
  }
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"ratio of new to old by "
      "quantile\">",
      kWidth, kHeight);
  svg += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"margin\"/>",
      kLeft, axes.y(margin), kWidth - kLeft - kRight, axes.y(-margin) - axes.y(margin));
  svg += horizontal(axes, 0, "zero") + horizontal(axes, curve[curve.size() / 2].effect, "guide");
  svg += "<polygon class=\"band\" points=\"" + upper + lower + "\"/>";
  svg += "<polyline class=\"curve\" points=\"" + line + "\"/>";
  for (const double q : {0.05, 0.25, 0.5, 0.75, 0.9}) {
    svg += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"tick\" text-anchor=\"middle\">p{:.0f}</text>",
        Axes::x(q), kHeight - 8, q * 100);
  }
  return svg + "</svg>";
}

}  // namespace notifier::analysis
