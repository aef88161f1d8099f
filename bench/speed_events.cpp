// SPDX-License-Identifier: MIT
#include "bench/speed_events.hpp"

#include <algorithm>
#include <numeric>

namespace notifier {

Moments::Moments(int events, std::uint64_t seed)
    : random_(seed), parts_(static_cast<std::size_t>(events)) {
  std::iota(parts_.begin(), parts_.end(), 0);
  std::shuffle(parts_.begin(), parts_.end(), random_);
}

double Moments::next() {
  std::uniform_real_distribution<double> within(0, 1);
  return (parts_[next_++] + within(random_)) / static_cast<double>(parts_.size());
}

}  // namespace notifier
