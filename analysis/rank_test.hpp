// SPDX-License-Identifier: MIT
// Tests of two independent samples by ranks. Each test is two-sided.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace notifier::analysis {

// Up to this many values in both samples together the permutation distribution is exact, ties
// included; above, the normal approximation with tie and continuity correction takes over.
inline constexpr std::size_t kLargestExactTotal = 50;

enum class RankMethod : std::uint8_t { kExact, kNormal };

struct RankTest {
  double u = 0;  // number of pairs with a > b, ties counting one half
  double p = 1;  // min(1, 2 min(P(U <= u), P(U >= u)))
  RankMethod method = RankMethod::kExact;
};

// Mann and Whitney's test; undefined when a sample is empty.
std::optional<RankTest> mann_whitney(std::span<const double> a, std::span<const double> b);

// The smallest p that mann_whitney can give for these sizes: 2 / C(n + m, n), at most 1.
double smallest_rank_p(std::size_t n, std::size_t m);

// P(U <= u) for u = 0..n m, without ties.
std::vector<double> mann_whitney_cumulative(std::size_t n, std::size_t m);

// Ranks from 1; equal values share the mean of their ranks.
std::vector<double> mid_ranks(std::span<const double> values);

// Brunner and Munzel's test (Biometrical Journal 42, 2000), which allows for unequal spreads;
// p by the t distribution. p is 0 when the samples do not overlap. Undefined below two values a
// side, and when all values are equal.
std::optional<double> brunner_munzel_p(std::span<const double> a, std::span<const double> b);

// Cliff's delta, P(b > a) - P(b < a), from -1 to 1.
std::optional<double> cliffs_delta(std::span<const double> a, std::span<const double> b);

}  // namespace notifier::analysis
