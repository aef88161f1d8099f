// SPDX-License-Identifier: MIT
// How far one sample lies from another, with the interval that belongs to the rank test.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace notifier::analysis {

struct Interval {
  double low = 0;
  double high = 0;
};

// Hodges and Lehmann's estimate of b - a: the median of all pairwise differences.
std::optional<double> hodges_lehmann_shift(std::span<const double> a, std::span<const double> b);

// The interval of shifts that Mann and Whitney's test does not reject at 1 - confidence: exact
// without ties up to kLargestExactTotal values, conservative with ties, normal approximation above.
// Undefined when the samples are too small for a finite interval (95 %: below 4 against 4).
std::optional<Interval> shift_interval(std::span<const double> a, std::span<const double> b,
                                       double confidence);

// Two-sided interval and p of a difference of means whose variance is known from elsewhere: a t
// distribution with `freedom` degrees, standard error `standard_error`.
struct KnownVarianceShift {
  Interval interval;
  double p = 1;
};
KnownVarianceShift shift_with_known_variance(double shift, double standard_error, double freedom,
                                             double confidence);

}  // namespace notifier::analysis
