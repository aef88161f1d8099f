// SPDX-License-Identifier: MIT
// How the headline metric grows with the size of the memory.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "analysis/site/model.hpp"

namespace notifier::site {

struct SizePoint {
  double size_bytes = 0;
  double value = 0;
};

// value = factor * size^exponent, by medians of slopes between all pairs of sizes (Theil and Sen),
// so that one odd size does not turn it. Quartiles of the slopes tell how straight the line is.
struct PowerFit {
  double factor = 0;
  double exponent = 0;
  double exponent_low = 0;
  double exponent_high = 0;
};

// Undefined below three different sizes. Sizes and values are positive.
std::optional<PowerFit> fit_power(std::span<const SizePoint> points);

// value = fixed + per_page * pages of 4 KiB, by the median of the slopes between all pairs of
// different sizes, with Sen's interval of the slope at 95 % where there are points enough for one.
struct PageCostFit {
  double fixed = 0;
  double per_page = 0;
  std::optional<double> per_page_low;
  std::optional<double> per_page_high;
};

// Undefined below three different sizes.
std::optional<PageCostFit> fit_page_cost(std::span<const SizePoint> points);

// Of the last recording of each timeline: the cases that differ in nothing but the size.
nlohmann::json scaling_document(const Model& model);

}  // namespace notifier::site
