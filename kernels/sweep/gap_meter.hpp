// SPDX-License-Identifier: MIT
// A wave's own record of the times at which it did not get on.
#pragma once

#include <cstdint>

#include "../workload.hpp"
#include "device_primitives.hpp"

namespace notifier::device {

// All lanes of a wave keep the same figures; only its first lane writes the ring.
class GapMeter {
 public:
  __device__ __forceinline__ GapMeter(GapRecord* ring, std::uint64_t capacity, bool writes)
      : ring_(ring), capacity_(capacity), writes_(writes), last_stamp_ticks_(clock_ticks()) {}

  __device__ __forceinline__ void set_threshold(std::uint64_t ticks) { threshold_ticks_ = ticks; }

  __device__ __forceinline__ void stamp() {
    const std::uint64_t now_ticks = clock_ticks();
    const std::uint64_t length_ticks = now_ticks - last_stamp_ticks_;
    if (length_ticks > longest_ticks_) {
      longest_ticks_ = length_ticks;
      longest_start_ticks_ = last_stamp_ticks_;
    }
    if (length_ticks > threshold_ticks_) {
      record(length_ticks);
    }
    last_stamp_ticks_ = now_ticks;
  }

  __device__ __forceinline__ void reset_longest() {
    longest_ticks_ = 0;
    longest_start_ticks_ = 0;
  }

  __device__ __forceinline__ void publish(WaveState* state) const {
    store(&state->last_clock_ticks, last_stamp_ticks_);
    store(&state->gaps_recorded, recorded_);
    store(&state->longest_gap_ticks, longest_ticks_);
    store(&state->longest_gap_start_ticks, longest_start_ticks_);
  }

  __device__ __forceinline__ std::uint64_t last_stamp_ticks() const { return last_stamp_ticks_; }

  // The time between two jobs is a gap as well: the last stamp is that of the job before.
  template <typename Word>
  __device__ __forceinline__ void each_word(Word word) {
    word(next_slot_);
    word(recorded_);
    word(threshold_ticks_);
    word(longest_ticks_);
    word(longest_start_ticks_);
    word(last_stamp_ticks_);
  }

 private:
  __device__ __forceinline__ void record(std::uint64_t length_ticks) {
    ++recorded_;
    if (capacity_ == 0) {
      return;
    }
    if (writes_) {
      GapRecord* gap = ring_ + next_slot_;
      store(&gap->start_ticks, last_stamp_ticks_);
      store(&gap->length_ticks, length_ticks);
      // The next poll counts the record: by then it is there, for the host reads a running ring.
      load_waited(&gap->start_ticks);
      load_waited(&gap->length_ticks);
    }
    next_slot_ = next_slot_ + 1 == capacity_ ? 0 : next_slot_ + 1;
  }

  GapRecord* ring_;
  std::uint64_t capacity_;
  bool writes_;
  std::uint64_t next_slot_ = 0;
  std::uint64_t recorded_ = 0;
  std::uint64_t threshold_ticks_ = ~std::uint64_t{0};
  std::uint64_t longest_ticks_ = 0;
  std::uint64_t longest_start_ticks_ = 0;
  std::uint64_t last_stamp_ticks_;
};

}  // namespace notifier::device
