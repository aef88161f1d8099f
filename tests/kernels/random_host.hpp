// SPDX-License-Identifier: MIT
// A host that does legitimate things to a running sweep in random order.
#pragma once

#include <cstdint>
#include <random>

#include "sweep_test_bed.hpp"

namespace notifier::testing {

/// Excludes a random range, ruins it while the lane is out, rewrites it with its own records and
/// hands it back; the next command follows as soon as the last one is acknowledged.
class RandomHost {
 public:
  RandomHost(SweepTestBed& bed, std::uint64_t seed) : bed_(bed), random_(seed) {}

  /// Call at each poll.
  void step();

  std::uint64_t hand_backs() const { return hand_backs_; }
  /// Polls at which an already published hand-back was put off by the kernel.
  std::uint64_t deferred_polls() const { return deferred_polls_; }

 private:
  enum class Phase { kIdle, kExcluding, kHandingBack };

  std::uint64_t below(std::uint64_t limit) {
    return std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(random_);
  }
  void exclude();
  void hand_back();

  SweepTestBed& bed_;
  std::mt19937_64 random_;
  Phase phase_ = Phase::kIdle;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t published_at_step_ = 0;
  std::uint64_t step_ = 0;
  std::uint64_t hand_backs_ = 0;
  std::uint64_t deferred_polls_ = 0;
};

}  // namespace notifier::testing
