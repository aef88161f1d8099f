// SPDX-License-Identifier: MIT
// Mann and Whitney's statistic between two neighbouring windows, for every split of a series.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace notifier::analysis {

// Ranks from 0 in which equal values share a number. At most kLongestRanked values.
inline constexpr std::size_t kLongestRanked = 32'767;
std::vector<std::int16_t> dense_ranks(std::span<const double> values);

// z of the `left` values before a split against the `right` values from it on; positive when the
// later ones are larger. Element i is the split at left + i; there are size - left - right + 1
// elements, none when the series is too short. The variance is that without ties: with ties z comes
// out too small, never too large. Both windows are at least 1 and at most kLongestWindow.
inline constexpr std::size_t kLongestWindow = 4096;
std::vector<double> sliding_rank_z(std::span<const std::int16_t> ranks, std::size_t left,
                                   std::size_t right);

// The same statistic of one pair of windows.
double rank_z(std::span<const std::int16_t> before, std::span<const std::int16_t> after);

}  // namespace notifier::analysis
