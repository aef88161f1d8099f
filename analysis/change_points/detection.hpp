// SPDX-License-Identifier: MIT
// Steps and spikes in a series of nightly figures. Everything goes by ranks in windows, so that a
// night ten times as slow weighs no more than one a little slower.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace notifier::analysis {

struct DetectionOptions {
  double smallest_z = 4.2;                // of Mann and Whitney's statistic between both sides
  double smallest_effect = 0.015;         // |log of the ratio of medians|
  std::size_t shortest_segment = 7;       // nights; a confirmed step has as many on each side
  std::size_t shortest_provisional = 3;   // nights at the end that make a provisional step
  double smallest_provisional_z = 2.7;    // 3 nights above 30 others give 2.82
  double smallest_provisional_sigma = 2;  // effect in units of the noise before it
  double smallest_spike = 0.05;           // |log of the ratio to the segment's median|
  double smallest_spike_sigma = 6;
};

enum class Certainty : std::uint8_t { kConfirmed, kProvisional };

struct Step {
  std::size_t index = 0;  // first night of the new level, in the given series
  double log_ratio = 0;   // log of the median after it over the one before it
  double z = 0;
  Certainty certainty = Certainty::kConfirmed;
};

struct Detection {
  std::vector<Step> steps;          // ascending; medians and z are of the neighbouring segments
  std::vector<std::size_t> spikes;  // ascending; nights far from their segment's median
};

// values are positive; an empty one is a night without a figure: it is left out, so a gap is never
// a step by itself. At most kLongestRanked nights.
Detection detect(std::span<const std::optional<double>> values,
                 const DetectionOptions& options = {});

}  // namespace notifier::analysis
