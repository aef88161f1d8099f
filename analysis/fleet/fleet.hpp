// SPDX-License-Identifier: MIT
// GPUs of a fleet against each other: which are not like the rest.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/site/recording_reader.hpp"

namespace notifier::fleet {

// Below three nobody can say which one is odd.
inline constexpr std::size_t kFewestGpus = 3;
// Distance from the median, in spreads, from which one of `gpus` is odd when `comparisons` are
// made: Student's t with half the degrees of freedom, which the median absolute deviation is worth,
// at 5 % over all comparisons (Bonferroni). Three GPUs need 38, eight 5.9, 64 3.7; simulated under
// normal noise 22, 4.9 and 3.7 would do.
double outlier_limit(std::size_t gpus, double comparisons);

struct FleetOptions {
  double smallest_effect = 0.05;  // a share; differences below it are nobody's concern
};

// The median over a GPU's runs of one case's headline metric.
struct GpuFigure {
  std::size_t gpu = 0;
  std::vector<double> runs;
};

struct OddCase {
  std::string case_name;
  std::string metric;
  std::string unit;
  double value = 0;
  double fleet_median = 0;
  double ratio = 1;  // value / fleet_median
  double score = 0;  // distance in units of the fleet's spread
};

struct Gpu {
  std::string platform;
  std::string machine;
  std::string device;  // UUID, or PCI address where there is none
  std::size_t recordings = 0;
  std::size_t cases = 0;  // that could be compared
  std::size_t failed_runs = 0;
  std::int64_t violations = 0;
  std::optional<double> typical_ratio;  // median over the cases
  bool odd = false;                     // in general: typical_ratio
  std::vector<OddCase> odd_cases;       // the largest distance first
};

struct FleetReport {
  std::vector<Gpu> gpus;              // by platform, machine and device
  std::vector<std::string> problems;  // recordings that could not be read
  std::size_t cases_compared = 0;
  bool too_few = false;

  bool any_odd() const;
};

// Distances of the logarithms of `figures`, of one case, from their median, in units of the largest
// of the spread between GPUs, `common_spread` and the GPU's own uncertainty. All values are
// positive.
std::vector<double> case_scores(std::span<const GpuFigure> figures, double common_spread);

// Compares what the recordings hold. Platforms are kept apart.
FleetReport compare_fleet(std::span<const site::RecordingData> recordings,
                          std::span<const site::KeyTable> tables, const FleetOptions& options);

std::string fleet_markdown(const FleetReport& report, const FleetOptions& options);

}  // namespace notifier::fleet
