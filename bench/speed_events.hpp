// SPDX-License-Identifier: MIT
// Events of one run of softgpu_speed: how many, and when.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "softgpu/core/clock.hpp"

namespace notifier {

/// How much one run of one case may do: more waves than CPUs, or much memory, make events slow.
struct SpeedBudget {
  int events = 0;
  double seconds = 0;
};

struct TimedEvent {
  std::int64_t start_ns = 0;  // CLOCK_MONOTONIC_RAW
  double duration_ns = 0;
  std::optional<std::int64_t> evictions;
};

inline std::int64_t now_ns() {
  return static_cast<std::int64_t>(softgpu::read_clock_ns(CLOCK_MONOTONIC_RAW));
}

/// Calls measure() until the budget is spent, at least once.
template <typename Measure>
std::vector<TimedEvent> spend(const SpeedBudget& budget, Measure&& measure) {
  std::vector<TimedEvent> events;
  const std::int64_t end_ns = now_ns() + static_cast<std::int64_t>(budget.seconds * 1e9);
  do {
    events.push_back(measure());
  } while (static_cast<int>(events.size()) < budget.events && now_ns() < end_ns);
  return events;
}

/// Moments in [0, 1) that are spread evenly, one in each of as many equal parts as there are
/// events, in random order.
class Moments {
 public:
  Moments(int events, std::uint64_t seed);
  double next();

 private:
  std::mt19937_64 random_;
  std::vector<int> parts_;
  std::size_t next_ = 0;
};

}  // namespace notifier
