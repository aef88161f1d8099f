// SPDX-License-Identifier: MIT
#include "analysis/site/scaling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "analysis/site/encode.hpp"
#include "analysis/statistics.hpp"

namespace notifier::site {
namespace {

struct Family {
  std::size_t timeline = 0;
  std::string label;
  std::string device;
  std::string metric;
  std::string unit;
  std::vector<SizePoint> points;
  std::vector<SizePoint> run_points;  // one per run where there are several
  nlohmann::json rows = nlohmann::json::array();
};

std::string label_of(const CaseKey& key) {
  std::string label;
  for (const std::string* part :
       {&key.memory, &key.backing, &key.perturbation, &key.policy, &key.recovery, &key.context}) {
    if (!label.empty()) label += '/';
    label += *part;
  }
  return label;
}

}  // namespace

std::optional<PowerFit> fit_power(std::span<const SizePoint> points) {
  std::set<double> sizes;
  std::vector<double> slopes;
  for (std::size_t i = 0; i < points.size(); ++i) {
    sizes.insert(points[i].size_bytes);
    for (std::size_t k = i + 1; k < points.size(); ++k) {
      const double run = std::log(points[k].size_bytes / points[i].size_bytes);
      if (run != 0) slopes.push_back(std::log(points[k].value / points[i].value) / run);
    }
  }
  if (sizes.size() < 3) return std::nullopt;
  PowerFit fit;
  fit.exponent = *analysis::median(slopes);
  fit.exponent_low = *analysis::quantile(slopes, 0.25);
  fit.exponent_high = *analysis::quantile(slopes, 0.75);
  std::vector<double> offsets;
  for (const SizePoint& point : points) {
    offsets.push_back(std::log(point.value) - fit.exponent * std::log(point.size_bytes));
  }
  fit.factor = std::exp(*analysis::median(offsets));
  return fit;
}

std::optional<PageCostFit> fit_page_cost(std::span<const SizePoint> points) {
  constexpr double kPageBytes = 4096;
  constexpr double kTwoSided95 = 1.959964;
  std::map<double, double> times_seen;  // of each size
  std::vector<double> slopes;
  for (std::size_t i = 0; i < points.size(); ++i) {
    ++times_seen[points[i].size_bytes];
    for (std::size_t k = i + 1; k < points.size(); ++k) {
      const double pages = (points[k].size_bytes - points[i].size_bytes) / kPageBytes;
      if (pages != 0) slopes.push_back((points[k].value - points[i].value) / pages);
    }
  }
  if (times_seen.size() < 3) return std::nullopt;
  std::sort(slopes.begin(), slopes.end());
  PageCostFit fit;
  fit.per_page = *analysis::quantile_of_sorted(slopes, 0.5);
  std::vector<double> offsets;
  for (const SizePoint& point : points) {
    offsets.push_back(point.value - fit.per_page * point.size_bytes / kPageBytes);
  }
  fit.fixed = *analysis::median(offsets);
  // Variance of Kendall's S with ties in x (P. K. Sen, 1968, section 6).
  const auto term = [](double n) { return n * (n - 1) * (2 * n + 5); };
  double variance = term(static_cast<double>(points.size()));
  for (const auto& [size, count] : times_seen) variance -= term(count);
  const double half = kTwoSided95 * std::sqrt(variance / 18);
  const auto total = static_cast<double>(slopes.size());
  const double low = std::floor((total - half) / 2);
  const double high = std::ceil((total + half) / 2);
  if (low >= 1 && high < total) {
    fit.per_page_low = slopes[static_cast<std::size_t>(low) - 1];
    fit.per_page_high = slopes[static_cast<std::size_t>(high)];
  }
  return fit;
}

nlohmann::json scaling_document(const Model& model) {
  std::map<std::string, Family> families;
  for (std::size_t index = 0; index < model.cases.size(); ++index) {
    const CaseHistory& history = model.cases[index];
    if (!history.headline || !history.key.size_bytes || *history.key.size_bytes <= 0) continue;
    const Series& series = model.series[*history.headline];
    const std::size_t nights = model.timelines[history.timeline].recordings.size();
    if (series.nights.empty() || series.nights.back().position + 1 != nights) continue;
    const Night& night = series.nights.back();
    if (!(night.p50 > 0)) continue;
    const std::string name =
        fmt::format("{:08}\x1f{}\x1f{}\x1f{}\x1f{}", history.timeline, label_of(history.key),
                    history.key.device, history.key.case_version, series.key.metric);
    Family& family = families[name];
    family.timeline = history.timeline;
    family.label = label_of(history.key);
    family.device = history.key.device;
    family.metric = series.key.metric;
    family.unit = series.key.unit;
    const auto size = static_cast<double>(*history.key.size_bytes);
    family.points.push_back({size, static_cast<double>(night.p50)});
    for (const Run& run : series.runs) {
      if (run.position == night.position) {
        family.run_points.push_back({size, static_cast<double>(run.p50)});
      }
    }
    if (night.runs < 2) family.run_points.push_back(family.points.back());
    family.rows.push_back({index, size, number_or_null(night.p10), number_or_null(night.p50),
                           number_or_null(night.p90)});
  }
  nlohmann::json document = nlohmann::json::array();
  for (const auto& [name, family] : families) {
    if (family.points.size() < 2) continue;
    nlohmann::json entry = {{"timeline", family.timeline},
                            {"label", family.label},
                            {"device", family.device},
                            {"metric", family.metric},
                            {"unit", family.unit},
                            {"points", family.rows},
                            {"fit", nullptr},
                            {"page_cost", nullptr}};
    if (const auto fit = fit_power(family.points)) {
      entry["fit"] = {fit->factor, fit->exponent, fit->exponent_low, fit->exponent_high};
    }
    if (const auto cost = fit_page_cost(family.run_points)) {
      const auto or_null = [](const std::optional<double>& value) {
        return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
      };
      entry["page_cost"] = {cost->fixed, cost->per_page, or_null(cost->per_page_low),
                            or_null(cost->per_page_high)};
    }
    document.push_back(entry);
  }
  return document;
}

}  // namespace notifier::site
