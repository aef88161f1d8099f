// SPDX-License-Identifier: MIT
// How the ratio of new to old depends on the quantile (a shift function on the ratio scale): shows
// whether all events moved, or the tail alone.
#pragma once

#include <string>
#include <vector>

#include "analysis/compare/comparison.hpp"
#include "analysis/compare/pairing.hpp"

namespace notifier::analysis {

struct CurvePoint {
  double probability = 0;
  double effect = 0;  // log ratio
  Interval band;      // pointwise, by resampling runs
};

// Empty unless both sides have positive events and at least three runs.
std::vector<CurvePoint> quantile_curve(const CasePair& pair, const std::string& metric,
                                       const CompareOptions& options);

// A chart of the curve as an SVG element, with the minimum effect as a band.
std::string curve_as_svg(const std::vector<CurvePoint>& curve, double margin);

}  // namespace notifier::analysis
