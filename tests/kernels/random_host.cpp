// SPDX-License-Identifier: MIT
#include "random_host.hpp"

#include <gtest/gtest.h>

namespace notifier::testing {

void RandomHost::step() {
  ++step_;
  const WaveState& wave = bed_.waves[device::test_device.wave];
  if (wave.acknowledged_generation != bed_.command.generation) {
    deferred_polls_ += step_ > published_at_step_ + 1 ? 1 : 0;
    return;
  }
  switch (phase_) {
    case Phase::kIdle:
      if (below(3) == 0) {
        exclude();
      }
      break;
    case Phase::kExcluding:
      if (below(3) != 0) {
        hand_back();
      }
      break;
    case Phase::kHandingBack:
      phase_ = Phase::kIdle;
      break;
  }
}

void RandomHost::exclude() {
  begin_ = below(bed_.data.size());
  end_ = begin_ + 1 + below(bed_.data.size() - begin_);
  bed_.command.excluded_begin_word = begin_;
  bed_.command.excluded_end_word = end_;
  ++bed_.command.generation;
  published_at_step_ = step_;
  phase_ = Phase::kExcluding;
}

void RandomHost::hand_back() {
  ++epoch_;
  for (std::uint64_t word = begin_; word < end_; ++word) {
    bed_.data[word] = bed_.host_record(word, epoch_);
  }
  bed_.command.excluded_begin_word = 0;
  bed_.command.excluded_end_word = 0;
  bed_.command.reset_begin_word = begin_;
  bed_.command.reset_end_word = end_;
  bed_.command.reset_epoch = epoch_;
  bed_.command.reset_generation = ++bed_.command.generation;
  published_at_step_ = step_;
  phase_ = Phase::kHandingBack;
  ++hand_backs_;
}

}  // namespace notifier::testing
