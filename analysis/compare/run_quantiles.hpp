// SPDX-License-Identifier: MIT
// The figures of one side's runs for one metric.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analysis/compare/judge.hpp"
#include "analysis/compare/pairing.hpp"

namespace notifier::analysis {

class RunQuantiles {
 public:
  RunQuantiles() = default;
  // Each run has the metric. The runs must outlive this.
  RunQuantiles(const Runs& runs, const std::string& metric);

  bool has_events() const { return has_events_; }
  bool has_logs() const { return has_events_ && all_positive_; }
  std::int64_t fewest_events() const { return fewest_events_; }  // of any run

  // One figure per run: the median as summary.csv defines it, other quantiles by Harrell and Davis
  // where events are used, else as summary.csv has them. False when a run has none.
  bool figures(double probability, bool use_events, std::vector<RunFigure>& figures) const;

  // One Harrell-Davis quantile per run, of the logs of the events if asked for.
  std::vector<double> harrell_davis(double probability, bool of_logs) const;

  // The events themselves, or their logs.
  std::span<const std::vector<double>> sorted_events(bool as_logs) const;

 private:
  double harrell_davis_of(const std::vector<double>& sorted, double probability) const;

  std::vector<std::string> boots_;
  std::vector<const MetricValues*> values_;
  bool has_events_ = false;
  bool all_positive_ = false;
  std::int64_t fewest_events_ = 0;
  std::vector<std::vector<double>> events_;
  std::vector<std::vector<double>> logs_;
};

}  // namespace notifier::analysis
