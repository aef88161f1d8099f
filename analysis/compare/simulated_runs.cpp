// SPDX-License-Identifier: MIT
#include "analysis/compare/simulated_runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "analysis/metrics.hpp"
#include "analysis/random.hpp"
#include "analysis/statistics.hpp"

namespace notifier::analysis {
namespace {

constexpr double kBaseNs = 4e6;
constexpr double kEventSpikeLog = std::numbers::ln10;  // ten times as long

class NormalSource {
 public:
  explicit NormalSource(Random& random) : random_(random) {}

  double next() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2 * std::log(1 - random_.uniform()));
    const double angle = 2 * std::numbers::pi * random_.uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

 private:
  Random& random_;
  double spare_ = 0;
  bool has_spare_ = false;
};

double run_level(const SimulatedSide& side, Random& random, NormalSource& normal) {
  double level = side.run_noise * normal.next();
  if (random.uniform() < side.slow_mode_share) level += std::log(side.slow_mode_factor);
  if (random.uniform() < side.run_spike_share) level += std::log(1 + 2 * random.uniform());
  return level;
}

// The median without sorting, which is most of the time of a simulation.
double median_ns(std::vector<double>& logs) {
  const auto upper = logs.begin() + static_cast<std::ptrdiff_t>(logs.size() / 2);
  std::nth_element(logs.begin(), upper, logs.end());
  const double lower = logs.size() % 2 == 1 ? *upper : *std::max_element(logs.begin(), upper);
  return kBaseNs * (std::exp(lower) + std::exp(*upper)) / 2;
}

MetricValues draw_events(const SimulatedSide& side, double level, Random& random,
                         NormalSource& normal) {
  MetricValues values;
  values.metric = info(Metric::kStall).name;
  values.unit = "ns";
  values.better = Better::kLower;
  values.headline = true;
  values.n = static_cast<std::int64_t>(side.events);
  std::vector<double> logs(side.events);
  for (double& log : logs) {
    log = level + side.event_noise * normal.next();
    if (side.event_spike_share > 0 && random.uniform() < side.event_spike_share) {
      log += kEventSpikeLog;
    }
  }
  if (!side.keeps_events) {
    values.p50 = median_ns(logs);
    return values;
  }
  std::sort(logs.begin(), logs.end());
  for (const double log : logs) values.events.push_back(kBaseNs * std::exp(log));
  values.p50 = quantile_of_sorted(values.events, 0.5);
  return values;
}

}  // namespace

RunSet simulate_runs(const SimulatedSide& side, std::uint64_t seed, const std::string& label,
                     const std::string& boot_label) {
  RunSet runs;
  RecordingInfo& recording = runs.recordings.emplace_back();
  recording.name = label;
  recording.machine = "simulated";
  recording.source = label;
  Random random(seed);
  NormalSource normal(random);
  for (std::size_t number = 0; number < side.cases; ++number) {
    const double shift = number < side.shifted_cases ? side.shift : 0;
    for (std::size_t boot = 0; boot < side.boots; ++boot) {
      const double boot_level = shift + side.boot_noise * normal.next();
      for (std::size_t i = 0; i < side.runs_per_boot; ++i) {
        CaseRun& run = runs.runs.emplace_back();
        run.identity.recording = label;
        run.identity.machine = "simulated";
        run.identity.platform = "software";
        run.identity.kernel_release = "simulated";
        run.identity.boot_id = fmt::format("{}{}", boot_label, boot);
        run.identity.case_name = fmt::format("case{:04}", number);
        run.identity.run = static_cast<std::int64_t>(boot * side.runs_per_boot + i);
        const double level = boot_level + run_level(side, random, normal);
        run.metrics.push_back(draw_events(side, level, random, normal));
      }
    }
  }
  return runs;
}

}  // namespace notifier::analysis
