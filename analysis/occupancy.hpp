// SPDX-License-Identifier: MIT
// Quantised latencies sit on a few values (retry time-outs, timer ticks). There a median tells
// little: what changes is how often each value is taken.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace notifier::analysis {

// A range of values that is separated from the rest by a gap.
struct Bucket {
  double low = 0;  // smallest and largest value seen in it
  double high = 0;
  double share_a = 0;  // median over a side's runs of the share of events in it
  double share_b = 0;
  double p = 1;  // Mann-Whitney test on the runs' shares
};

struct OccupancyChange {
  std::vector<Bucket> buckets;
  double p = 1;               // smallest p, times the number of buckets
  double largest_change = 0;  // largest |share_b - share_a|
};

// Sides are lists of runs, each the ascending positive values of its events. Empty unless one side
// alone takes several values (otherwise the difference is one of location), and unless 2 to 12
// buckets hold at least 95 % of all events, each of them spread less than a factor 1.1 between its
// 10th and 90th percentile, and neighbours at least a factor 1.2 apart.
std::optional<OccupancyChange> compare_occupancy(std::span<const std::vector<double>> a,
                                                 std::span<const std::vector<double>> b);

}  // namespace notifier::analysis
