// SPDX-License-Identifier: MIT
// Steps in a series of nightly figures, by ranks, so that a spike is not a step.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace notifier::analysis {

struct ChangePointOptions {
  std::size_t shortest_segment = 5;
  double smallest_z = 4.2;         // of the rank-sum statistic at the best split
  double smallest_effect = 0.015;  // |log ratio| of the medians on both sides
  // Segments are searched again in windows of this length, twice it, and so on, since a step that
  // goes back hides from one split of the whole.
  std::size_t shortest_window = 30;
};

struct ChangePoint {
  std::size_t index = 0;  // first night of the new level, in the given series
  double log_ratio = 0;   // log of the new segment's median over the old one's
  double z = 0;
};

// values are positive; an undefined night is empty and counts for nothing. Ascending by index; the
// effects are those between neighbouring final segments.
std::vector<ChangePoint> find_change_points(std::span<const std::optional<double>> values,
                                            const ChangePointOptions& options = {});

}  // namespace notifier::analysis
