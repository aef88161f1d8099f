// SPDX-License-Identifier: MIT
#include "analysis/change_points/sliding_rank.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace notifier::analysis {
namespace {

using Ranks = std::span<const std::int16_t>;

// Number of values above `rank` minus number below. Sums of 16 bits, since windows are short: eight
// lanes of a 128-bit register instead of four.
std::int64_t excess_above(Ranks window, std::int16_t rank) {
  const std::int16_t* values = window.data();
  const std::size_t size = window.size();
  std::int16_t excess = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::int16_t above = values[i] > rank ? std::int16_t{1} : std::int16_t{0};
    const std::int16_t below = values[i] < rank ? std::int16_t{1} : std::int16_t{0};
    excess = static_cast<std::int16_t>(excess + above - below);
  }
  return excess;
}

double standardise(std::int64_t excess, std::size_t left, std::size_t right) {
  const auto n = static_cast<double>(left);
  const auto m = static_cast<double>(right);
  return static_cast<double>(excess) / 2 / std::sqrt(n * m * (n + m + 1) / 12);
}

}  // namespace

std::vector<std::int16_t> dense_ranks(std::span<const double> values) {
  std::vector<std::uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return values[a] < values[b]; });
  std::vector<std::int16_t> ranks(values.size());
  std::int16_t rank = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && values[order[i]] > values[order[i - 1]]) ++rank;
    ranks[order[i]] = rank;
  }
  return ranks;
}

std::vector<double> sliding_rank_z(Ranks ranks, std::size_t left, std::size_t right) {
  std::vector<double> result;
  if (ranks.size() < left + right) return result;
  result.reserve(ranks.size() - left - right + 1);
  std::int64_t excess = 0;
  for (std::size_t i = 0; i < left; ++i) {
    excess += excess_above(ranks.subspan(left, right), ranks[i]);
  }
  result.push_back(standardise(excess, left, right));
  for (std::size_t split = left; split + right < ranks.size(); ++split) {
    const std::int16_t leaving = ranks[split - left];
    const std::int16_t moving = ranks[split];
    const std::int16_t entering = ranks[split + right];
    const Ranks kept_left = ranks.subspan(split - left + 1, left - 1);
    const Ranks kept_right = ranks.subspan(split + 1, right - 1);
    excess -= excess_above(ranks.subspan(split, right), leaving);
    excess += excess_above(kept_left, moving);   // as one that stood on the right
    excess += excess_above(kept_right, moving);  // as one that stands on the left
    excess -= excess_above(kept_left, entering);
    excess += (entering > moving ? 1 : 0) - (entering < moving ? 1 : 0);
    result.push_back(standardise(excess, left, right));
  }
  return result;
}

double rank_z(Ranks before, Ranks after) {
  std::int64_t excess = 0;
  for (const std::int16_t rank : before) excess += excess_above(after, rank);
  return standardise(excess, before.size(), after.size());
}

}  // namespace notifier::analysis
