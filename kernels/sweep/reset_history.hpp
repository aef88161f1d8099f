// SPDX-License-Identifier: MIT
// What a word must hold before a lane stores to it.
#pragma once

#include <cstdint>

#include "../record.hpp"
#include "slice.hpp"

namespace notifier::device {

// A moment in a lane's life: `iteration` of `pass`, before that iteration's visit.
struct Moment {
  std::uint64_t pass = 0;
  std::uint64_t iteration = 0;
};

// The host rewrote `range` with its own records; visits from `taken` on find those.
struct Reset {
  WordRange range;
  std::uint64_t epoch = 0;
  Moment taken;

  // The lane's previous visit of this word was eight passes ago. Has it been since the reset?
  __device__ __forceinline__ bool is_before_last_visit(const Moment& now) const {
    return now.pass > taken.pass + kWordsPerLine ||
           (now.pass == taken.pass + kWordsPerLine && now.iteration >= taken.iteration);
  }
  template <typename Word>
  __device__ __forceinline__ void each_word(Word word) {
    word(range.begin);
    word(range.end);
    word(epoch);
    word(taken.pass);
    word(taken.iteration);
  }
  // From this pass on every word has been visited since the reset, so that it no longer matters.
  __device__ __forceinline__ bool is_settled(std::uint64_t pass) const {
    return pass > taken.pass + kWordsPerLine;
  }
};

// Two resets with different ranges can matter at one time. Named members instead of an array:
// an array indexed at run time would live in memory on a GPU.
class ResetHistory {
 public:
  // False if a third unsettled range would be needed: the caller has to wait some passes.
  __device__ __forceinline__ bool take(const Reset& reset) {
    if (reset.range.empty()) {
      return true;
    }
    if (!reset.range.covers(newest_.range)) {
      if (!older_.is_settled(reset.taken.pass) && !reset.range.covers(older_.range)) {
        return false;
      }
      older_ = newest_;
    }
    newest_ = reset;
    return true;
  }

  __device__ __forceinline__ Record expected(std::uint64_t word, const Moment& now,
                                             std::uint64_t owner, std::uint64_t seed) const {
    std::uint64_t epoch = now.pass - kWordsPerLine;
    if (!newest_.is_settled(now.pass)) {
      // Before the first reset the whole buffer holds the host's records of epoch 0.
      Reset last{.range = {}, .epoch = 0, .taken = {.pass = 0, .iteration = ~std::uint64_t{0}}};
      if (newest_.range.contains(word)) {
        last = newest_;
      } else if (older_.range.contains(word)) {
        last = older_;
      }
      if (!last.is_before_last_visit(now)) {
        owner = kHostOwner;
        epoch = last.epoch;
      }
    }
    return make_record(static_cast<std::uint32_t>(owner), word, epoch, seed);
  }

  template <typename Word>
  __device__ __forceinline__ void each_word(Word word) {
    newest_.each_word(word);
    older_.each_word(word);
  }

 private:
  Reset newest_;
  Reset older_;
};

}  // namespace notifier::device
