// SPDX-License-Identifier: MIT
#include "analysis/fleet/fleet.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "analysis/statistics.hpp"

namespace notifier::fleet {
namespace {

// 1 / Phi^-1(3/4): makes the median absolute deviation a standard deviation under normal noise.
constexpr double kNormalScale = 1.4826;
// The standard error of a median is this much larger than that of a mean (sqrt(pi / 2)).
constexpr double kMedianError = 1.2533;
// Share of campaigns without any odd GPU in which one may be called odd.
constexpr double kFalseCampaigns = 0.05;
// Below it a spread says nothing: figures are read back from text.
constexpr double kLeastSpread = 1e-6;

double median_of(std::span<const double> values) { return analysis::median(values).value_or(0); }

double spread_of(std::span<const double> values) {
  const double middle = median_of(values);
  std::vector<double> distances;
  for (const double value : values) distances.push_back(std::abs(value - middle));
  return kNormalScale * median_of(distances);
}

/// How far the median of the runs may be off, in log space; 0 where one run cannot tell.
double uncertainty_of(std::span<const double> runs) {
  if (runs.size() < 2) return 0;
  std::vector<double> logarithms;
  for (const double run : runs) logarithms.push_back(std::log(run));
  return kMedianError * spread_of(logarithms) / std::sqrt(static_cast<double>(runs.size()));
}

std::vector<double> log_medians(std::span<const GpuFigure> figures) {
  std::vector<double> values;
  for (const GpuFigure& figure : figures) values.push_back(std::log(median_of(figure.runs)));
  return values;
}

struct CaseKey {
  std::string platform;
  std::string case_name;
  std::int64_t case_version;
  std::string metric;
  std::string unit;
  auto operator<=>(const CaseKey&) const = default;
};

class Comparison {
 public:
  Comparison(std::span<const site::RecordingData> recordings,
             std::span<const site::KeyTable> tables, const FleetOptions& options)
      : recordings_(recordings), tables_(tables), options_(options) {}

  FleetReport run() {
    list_gpus();
    for (const site::RecordingData& recording : recordings_) collect(recording);
    std::erase_if(cases_, [](const auto& entry) { return entry.second.size() < kFewestGpus; });
    report_.cases_compared = cases_.size();
    report_.too_few = cases_.empty();
    if (!cases_.empty()) judge();
    return std::move(report_);
  }

 private:
  using GpuKey = std::tuple<std::string, std::string, std::string>;

  GpuKey key_of(const site::RecordingData& recording, std::uint32_t case_key) const {
    return {recording.platform, recording.machine, tables_[recording.table].cases[case_key].device};
  }

  void list_gpus() {
    for (const site::RecordingData& recording : recordings_) {
      if (!recording.problem.empty()) {
        report_.problems.push_back(recording.folder.string() + ": " + recording.problem);
        continue;
      }
      std::map<GpuKey, bool> here;
      for (const site::RunOutcome& outcome : recording.outcomes) {
        here[key_of(recording, outcome.case_key)] = true;
      }
      for (const auto& [key, unused] : here) ++recordings_of_[key];
    }
    for (const auto& [key, count] : recordings_of_) {
      gpu_of_[key] = report_.gpus.size();
      Gpu gpu;
      std::tie(gpu.platform, gpu.machine, gpu.device) = key;
      gpu.recordings = count;
      report_.gpus.push_back(std::move(gpu));
    }
  }

  void collect(const site::RecordingData& recording) {
    if (!recording.problem.empty()) return;
    const site::KeyTable& table = tables_[recording.table];
    for (const site::RunOutcome& outcome : recording.outcomes) {
      Gpu& gpu = report_.gpus[gpu_of_.at(key_of(recording, outcome.case_key))];
      gpu.failed_runs += outcome.status == analysis::Status::kFailed ? 1 : 0;
      gpu.violations += outcome.violations;
    }
    for (const site::RunPoint& point : recording.points) {
      if (!point.headline || !(point.p50 > 0)) continue;
      const site::SeriesKey& series = table.series[point.series];
      const site::CaseKey& of_case = table.cases[series.case_key];
      const std::size_t gpu = gpu_of_.at(key_of(recording, series.case_key));
      std::vector<GpuFigure>& figures = cases_[{recording.platform, of_case.case_name,
                                                of_case.case_version, series.metric, series.unit}];
      const auto found = std::ranges::find(figures, gpu, &GpuFigure::gpu);
      GpuFigure& figure =
          found != figures.end() ? *found : figures.emplace_back(GpuFigure{gpu, {}});
      figure.runs.push_back(static_cast<double>(point.p50));
    }
  }

  double comparisons() const {
    double count = 0;
    for (const auto& [key, figures] : cases_) count += static_cast<double>(figures.size());
    return count;
  }

  void judge() {
    std::vector<double> spreads;
    for (const auto& [key, figures] : cases_) spreads.push_back(spread_of(log_medians(figures)));
    const double common_spread = median_of(spreads);
    std::map<std::size_t, std::vector<double>> ratios;  // logarithms, by GPU
    for (const auto& [key, figures] : cases_) judge_case(key, figures, common_spread, ratios);
    judge_in_general(ratios);
    for (Gpu& gpu : report_.gpus) {
      std::ranges::sort(gpu.odd_cases, std::ranges::greater{},
                        [](const OddCase& odd) { return std::abs(odd.score); });
    }
  }

  void judge_case(const CaseKey& key, const std::vector<GpuFigure>& figures, double common_spread,
                  std::map<std::size_t, std::vector<double>>& ratios) {
    const std::vector<double> values = log_medians(figures);
    const double middle = median_of(values);
    const std::vector<double> scores = case_scores(figures, common_spread);
    const double limit = outlier_limit(figures.size(), comparisons());
    for (std::size_t i = 0; i < figures.size(); ++i) {
      const double distance = values[i] - middle;
      ratios[figures[i].gpu].push_back(distance);
      if (std::abs(scores[i]) < limit || !large_enough(distance)) continue;
      report_.gpus[figures[i].gpu].odd_cases.push_back({key.case_name, key.metric, key.unit,
                                                        std::exp(values[i]), std::exp(middle),
                                                        std::exp(distance), scores[i]});
    }
  }

  bool large_enough(double distance) const {
    return std::abs(distance) > std::log1p(options_.smallest_effect);
  }

  void judge_in_general(const std::map<std::size_t, std::vector<double>>& ratios) {
    std::map<std::string, std::vector<double>> typical;  // by platform
    for (const auto& [gpu, logarithms] : ratios) {
      typical[report_.gpus[gpu].platform].push_back(median_of(logarithms));
    }
    for (const auto& [index, logarithms] : ratios) {
      Gpu& gpu = report_.gpus[index];
      const std::vector<double>& fleet = typical[gpu.platform];
      const double distance = median_of(logarithms) - median_of(fleet);
      gpu.cases = logarithms.size();
      gpu.typical_ratio = std::exp(distance);
      const double limit = outlier_limit(fleet.size(), static_cast<double>(ratios.size()));
      gpu.odd = large_enough(distance) && std::abs(distance) > limit * spread_of(fleet);
    }
  }

  std::span<const site::RecordingData> recordings_;
  std::span<const site::KeyTable> tables_;
  FleetOptions options_;
  FleetReport report_;
  std::map<GpuKey, std::size_t> recordings_of_;
  std::map<GpuKey, std::size_t> gpu_of_;
  std::map<CaseKey, std::vector<GpuFigure>> cases_;
};

}  // namespace

bool FleetReport::any_odd() const {
  return std::ranges::any_of(gpus,
                             [](const Gpu& gpu) { return gpu.odd || !gpu.odd_cases.empty(); });
}

double outlier_limit(std::size_t gpus, double comparisons) {
  const double freedom = std::max(1.0, 0.5 * (static_cast<double>(gpus) - 1));
  return boost::math::quantile(
      boost::math::complement(boost::math::students_t(freedom), kFalseCampaigns / comparisons / 2));
}

std::vector<double> case_scores(std::span<const GpuFigure> figures, double common_spread) {
  const std::vector<double> values = log_medians(figures);
  const double middle = median_of(values);
  const double least = std::max({spread_of(values), common_spread, kLeastSpread});
  std::vector<double> scores;
  for (std::size_t i = 0; i < figures.size(); ++i) {
    scores.push_back((values[i] - middle) / std::max(least, uncertainty_of(figures[i].runs)));
  }
  return scores;
}

FleetReport compare_fleet(std::span<const site::RecordingData> recordings,
                          std::span<const site::KeyTable> tables, const FleetOptions& options) {
  return Comparison(recordings, tables, options).run();
}

}  // namespace notifier::fleet
