// SPDX-License-Identifier: MIT
// Compares observed with expected records and keeps a lane's account of it.
#pragma once

#include <cstdint>

#include "../record.hpp"
#include "device_primitives.hpp"
#include "reset_history.hpp"

namespace notifier::device {

// One comparison: what was read where, and what should have been there.
struct Observation {
  std::uint64_t word;
  Record observed;
  Record expected;
  ViolationPhase phase;
  std::uint64_t pass;
};

class LaneChecks {
 public:
  __device__ __forceinline__ LaneChecks(LaneState* state, std::uint64_t owner, std::uint64_t seed)
      : state_(state), owner_(owner), seed_(seed) {}

  __device__ __forceinline__ void allow(const WordRange& range, std::uint64_t outcomes) {
    allowed_range_ = range;
    allowed_outcomes_ = outcomes;
  }

  // Counted by sums: a counter chosen by branches becomes an address on a GPU, and so memory.
  __device__ __forceinline__ void check(const Observation& found) {
    if (found.observed == found.expected) {
      return;
    }
    const bool in_range = allowed_range_.contains(found.word);
    const bool zero = in_range && (allowed_outcomes_ & kAllowZero) != 0 && found.observed == 0;
    const bool older =
        in_range && !zero && (allowed_outcomes_ & kAllowOlder) != 0 && is_older(found);
    allowed_zeros_ += zero ? 1 : 0;
    allowed_olders_ += older ? 1 : 0;
    if (!zero && !older) {
      note_violation(found);
    }
  }

  __device__ __forceinline__ void count_word() { ++words_checked_; }

  __device__ __forceinline__ void publish() const {
    store(&state_->violations, violations_);
    store(&state_->allowed_zeros, allowed_zeros_);
    store(&state_->allowed_olders, allowed_olders_);
    store(&state_->words_checked, words_checked_);
  }

  template <typename Word>
  __device__ __forceinline__ void each_word(Word word) {
    word(allowed_range_.begin);
    word(allowed_range_.end);
    word(allowed_outcomes_);
    word(violations_);
    word(allowed_zeros_);
    word(allowed_olders_);
    word(words_checked_);
  }

 private:
  // A whole record of the host or of this lane from before. Epochs count modulo 2^24, so "before"
  // means less than half of that behind.
  __device__ __forceinline__ bool is_older(const Observation& found) const {
    const std::uint32_t owner = record_owner(found.observed);
    const std::uint64_t epoch = record_epoch(found.observed);
    if (found.observed != make_record(owner, found.word, epoch, seed_)) {
      return false;
    }
    if (owner == kHostOwner && record_owner(found.expected) != kHostOwner) {
      return true;
    }
    const std::uint64_t newest =
        owner == kHostOwner ? record_epoch(found.expected) : found.pass & kEpochMask;
    const std::uint64_t behind = (newest - epoch) & kEpochMask;
    return (owner == kHostOwner || owner == owner_) && behind != 0 && behind <= kEpochMask / 2;
  }

  __device__ __forceinline__ void note_violation(const Observation& found) {
    if (violations_ < kViolationsKeptPerLane) {
      const std::uint64_t now_ticks = clock_ticks();
      ViolationRecord* kept = &state_->kept[violations_];
      store(&kept->word_index, found.word);
      store(&kept->observed, found.observed);
      store(&kept->expected, found.expected);
      store(&kept->clock_ticks, now_ticks);
      store(&kept->phase, static_cast<std::uint64_t>(found.phase));
      store(&kept->pass, found.pass);
      // The host may look while the kernel runs: the record is there before it is counted.
      load_waited(&kept->pass);
    }
    ++violations_;
  }

  LaneState* state_;
  std::uint64_t owner_;
  std::uint64_t seed_;
  WordRange allowed_range_;
  std::uint64_t allowed_outcomes_ = kAllowNothing;
  std::uint64_t violations_ = 0;
  std::uint64_t allowed_zeros_ = 0;
  std::uint64_t allowed_olders_ = 0;
  std::uint64_t words_checked_ = 0;
};

}  // namespace notifier::device
