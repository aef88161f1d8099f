// SPDX-License-Identifier: MIT
// Series with steps at known nights, of two kinds of noise. The detector's constants were chosen on
// the first kind only.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/random.hpp"

namespace notifier::analysis {

struct GeneratedSeries {
  std::vector<std::optional<double>> values;
  std::vector<std::size_t> steps;
};

inline double normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return radius * std::cos(6.283185307179586 * random.uniform());
}

// Nights between steps: 25 at least, about 120 in the middle. Steps of 5 to 25 % up or down.
inline std::vector<double> make_levels(Random& random, std::size_t nights,
                                       std::vector<std::size_t>& steps) {
  std::vector<double> levels;
  double level = 20'000;
  std::size_t next = 25 + random.below(200);
  for (std::size_t night = 0; night < nights; ++night) {
    if (night == next && night + 25 < nights) {
      const double factor = 1.05 + 0.2 * random.uniform();
      level *= random.below(2) == 0 ? factor : 1 / factor;
      steps.push_back(night);
      next = night + 25 + random.below(200);
    }
    levels.push_back(level);
  }
  return levels;
}

// Log-normal, 2 %; one night in fifty is a spike of 1.2 to 4 times; one in forty is missing.
inline GeneratedSeries make_lognormal_series(std::uint64_t seed, std::size_t nights) {
  Random random(seed);
  GeneratedSeries series;
  for (const double level : make_levels(random, nights, series.steps)) {
    double value = level * std::exp(0.02 * normal(random));
    if (random.uniform() < 0.02) value *= 1.2 + 2.8 * random.uniform();
    if (random.uniform() < 0.025) {
      series.values.emplace_back();
    } else {
      series.values.emplace_back(value);
    }
  }
  return series;
}

// Two modes 3 % apart (the night lands in the upper one 30 % of the time), a one-sided exponential
// tail, values rounded to a clock of 100 ns, spikes that come in pairs, and gaps of up to 20
// nights.
inline GeneratedSeries make_bimodal_series(std::uint64_t seed, std::size_t nights) {
  Random random(seed);
  GeneratedSeries series;
  std::size_t gap = 0;
  std::size_t spike = 0;
  for (const double level : make_levels(random, nights, series.steps)) {
    double value = level * (random.uniform() < 0.3 ? 1.03 : 1.0);
    value *= 1 - 0.008 * std::log(1 - random.uniform());
    if (spike == 0 && random.uniform() < 0.01) spike = 2;
    if (spike > 0) {
      value *= 1.3 + random.uniform();
      --spike;
    }
    if (gap == 0 && random.uniform() < 0.004) gap = 1 + random.below(20);
    if (gap > 0) {
      series.values.emplace_back();
      --gap;
    } else {
      series.values.emplace_back(std::round(value / 100) * 100);
    }
  }
  return series;
}

}  // namespace notifier::analysis
