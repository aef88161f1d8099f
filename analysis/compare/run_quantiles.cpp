// SPDX-License-Identifier: MIT
#include "analysis/compare/run_quantiles.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/harrell_davis.hpp"
#include "analysis/statistics.hpp"

namespace notifier::analysis {
namespace {

std::optional<double> summary_quantile(const MetricValues& values, double probability) {
  if (probability == 0.5) return values.p50;
  if (probability == 0.9) return values.p90;
  return values.p99;
}

}  // namespace

RunQuantiles::RunQuantiles(const Runs& runs, const std::string& metric) {
  has_events_ = !runs.empty();
  all_positive_ = true;
  for (const CaseRun* run : runs) {
    const MetricValues* values = find_metric_values(*run, metric);
    boots_.push_back(run->identity.boot_id);
    values_.push_back(values);
    fewest_events_ = values_.size() == 1 ? values->n : std::min(fewest_events_, values->n);
    if (values->events.empty()) has_events_ = false;
  }
  if (!has_events_) return;
  for (const MetricValues* values : values_) {
    events_.push_back(values->events);
    if (values->events.front() <= 0) all_positive_ = false;
  }
  if (!all_positive_) return;
  for (const auto& events : events_) {
    std::vector<double>& logs = logs_.emplace_back(events);
    for (double& value : logs) value = std::log(value);
  }
}

double RunQuantiles::harrell_davis_of(const std::vector<double>& sorted, double probability) const {
  return weighted_quantile(sorted, shared_harrell_davis_cumulative(sorted.size(), probability));
}

bool RunQuantiles::figures(double probability, bool use_events,
                           std::vector<RunFigure>& figures) const {
  for (std::size_t i = 0; i < values_.size(); ++i) {
    std::optional<double> value;
    if (!use_events) {
      value = summary_quantile(*values_[i], probability);
    } else if (probability == 0.5) {
      value = quantile_of_sorted(events_[i], 0.5);
    } else if (all_positive_) {
      value = std::exp(harrell_davis_of(logs_[i], probability));
    } else {
      value = harrell_davis_of(events_[i], probability);
    }
    if (!value) return false;
    figures.push_back({boots_[i], *value});
  }
  return true;
}

std::vector<double> RunQuantiles::harrell_davis(double probability, bool of_logs) const {
  std::vector<double> result;
  for (const std::vector<double>& sorted : sorted_events(of_logs)) {
    result.push_back(harrell_davis_of(sorted, probability));
  }
  return result;
}

std::span<const std::vector<double>> RunQuantiles::sorted_events(bool as_logs) const {
  return as_logs ? logs_ : events_;
}

}  // namespace notifier::analysis
