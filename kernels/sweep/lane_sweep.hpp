// SPDX-License-Identifier: MIT
// One lane of the persistent workload: visits its words, stamps the clock, obeys the host.
#pragma once

#include <cstdint>

#include "../record.hpp"
#include "../workload.hpp"
#include "device_primitives.hpp"
#include "gap_meter.hpp"
#include "lane_checks.hpp"
#include "reset_history.hpp"
#include "slice.hpp"

namespace notifier::device {

// WaveState::finished
enum Outcome : std::uint64_t { kRunning = 0, kLeftOnRequest = 1, kLeftOnDeadline = 2 };

class LaneSweep {
 public:
  __device__ __forceinline__ explicit LaneSweep(const WorkloadArguments& arguments)
      : arguments_(arguments),
        wave_(arguments.waves + wave_index()),
        is_first_lane_(lane_index() == 0),
        slice_(arguments.size_words, wave_index(), wave_count(), lane_index(), lanes_per_wave()),
        checks_(arguments.lanes + static_cast<std::uint64_t>(wave_index()) * lanes_per_wave() +
                    lane_index(),
                arguments.owner, arguments.seed),
        gaps_(arguments.gaps + wave_index() * arguments.gap_capacity, arguments.gap_capacity,
              is_first_lane_),
        launch_ticks_(gaps_.last_stamp_ticks()) {}

  // A wave that only found room after the first one had left leaves too: otherwise a grid larger
  // than the device would outlive its deadline by as much again.
  __device__ __forceinline__ void begin() {
    outcome_ = load_acquire(&arguments_.waves->finished);
    if (running()) {
      take_over(load_acquire(&arguments_.command->generation));
    }
  }

  __device__ __forceinline__ bool running() const { return outcome_ == kRunning; }

  __device__ __forceinline__ std::uint64_t last_stamp_ticks() const {
    return gaps_.last_stamp_ticks();
  }

  __device__ __forceinline__ void sweep_pass() {
    const std::uint64_t iterations = slice_.iterations_per_pass();
    for (now_.iteration = 0; running() && now_.iteration < iterations;) {
      iterate(iterations);
    }
    ++now_.pass;
  }

  // The same with what the wave holds beside the sweep: looked at when the pass has ended, before
  // finish() or the next poll publishes what was found.
  template <typename Held>
  __device__ __forceinline__ void sweep_pass(Held& held) {
    const std::uint64_t pass = now_.pass;
    sweep_pass();
    if (const auto wrong = held.check(pass); wrong.found) {
      checks_.check({wrong.word, wrong.observed, wrong.expected, wrong.phase, pass});
    }
    held.renew(now_.pass);
  }

  __device__ __forceinline__ std::uint64_t pass() const { return now_.pass; }

  // A job goes on where the lane's last one ended, in the middle of a pass as a rule. Nothing was
  // saved before the first one: a lane's passes count from 1.
  __device__ __forceinline__ void resume(std::uint64_t* saved) {
    if (load_waited(saved) == 0) {
      begin();
      return;
    }
    each_word([&](std::uint64_t& word) { word = load_waited(saved++); });
  }

  __device__ __forceinline__ void sweep_job() {
    const std::uint64_t iterations = slice_.iterations_per_pass();
    while (running()) {
      if (now_.iteration == iterations) {
        now_.iteration = 0;
        ++now_.pass;
      }
      iterate(iterations);
    }
  }

  // The end of a job is not the end of the workload; only a request to stop is.
  __device__ __forceinline__ void save(std::uint64_t* saved) {
    each_word([&](std::uint64_t& word) { store(saved++, word); });
    if (outcome_ == kLeftOnRequest) {
      finish();
    } else {
      publish();
    }
  }

  __device__ __forceinline__ void finish() const {
    publish();
    if (is_first_lane_) {
      load_waited(&wave_->iterations);
      store(&wave_->finished, outcome_);
    }
  }

 private:
  __device__ __forceinline__ void iterate(std::uint64_t iterations_per_pass) {
    visit();
    gaps_.stamp();
    ++iterations_;
    ++now_.iteration;
    const bool pass_ends = now_.iteration == iterations_per_pass;
    passes_ += pass_ends ? 1 : 0;
    if (pass_ends || now_.iteration % kIterationsPerPoll == 0) {
      poll();
    }
  }

  // All that a lane knows; the pass first.
  template <typename Word>
  __device__ __forceinline__ void each_word(Word word) {
    word(now_.pass);
    word(now_.iteration);
    word(taken_generation_);
    word(iterations_);
    word(passes_);
    word(excluded_.begin);
    word(excluded_.end);
    checks_.each_word(word);
    gaps_.each_word(word);
    resets_.each_word(word);
  }

  __device__ __forceinline__ void visit() {
    const std::uint64_t line = slice_.line(now_.iteration);
    const std::uint64_t word = line * kWordsPerLine + now_.pass % kWordsPerLine;
    if (!slice_.contains_line(line) || excluded_.contains(word)) {
      return;
    }
    const std::uint64_t owner = arguments_.owner;
    const std::uint64_t seed = arguments_.seed;
    std::uint64_t* const address = arguments_.data + word;
    checks_.check({word, load(address), resets_.expected(word, now_, owner, seed),
                   ViolationPhase::kBeforeStore, now_.pass});
    const Record record = make_record(static_cast<std::uint32_t>(owner), word, now_.pass, seed);
    store(address, record);
    checks_.check({word, load_waited(address), record, ViolationPhase::kReadBack, now_.pass});
    checks_.count_word();
  }

  // Publishes first: the load of the command then stands between these stores and the next stamp,
  // as a load stands between every store of the kernel and the next look at the clock.
  __device__ __forceinline__ void poll() {
    publish();
    const std::uint64_t generation = load_acquire(&arguments_.command->generation);
    if (generation != taken_generation_) {
      take_over(generation);
    }
    if (running() && deadline_has_passed(gaps_.last_stamp_ticks())) {
      outcome_ = kLeftOnDeadline;
    }
  }

  __device__ __forceinline__ void publish() const {
    checks_.publish();
    if (is_first_lane_) {
      store(&wave_->iterations, iterations_);
      store(&wave_->passes, passes_);
      gaps_.publish(wave_);
    }
  }

  __device__ __forceinline__ void take_over(std::uint64_t generation) {
    const Command* const command = arguments_.command;
    if (load_acquire(&command->stop) != 0) {
      outcome_ = kLeftOnRequest;
    } else if (!apply_reset(generation)) {
      return;  // not acknowledged: the next poll tries again
    }
    excluded_ = {load(&command->excluded_begin_word), load(&command->excluded_end_word)};
    checks_.allow({load(&command->allowed_begin_word), load(&command->allowed_end_word)},
                  load(&command->allowed_mask));
    gaps_.set_threshold(load_acquire(&command->gap_threshold_ticks));
    gaps_.reset_longest();
    // All of the command is read before the acknowledgement, after which the host makes the next.
    const std::uint64_t pause_ticks = load_acquire(&command->pause_ticks);
    taken_generation_ = generation;
    acknowledge();
    pause(pause_ticks);
  }

  __device__ __forceinline__ bool apply_reset(std::uint64_t generation) {
    const Command* const command = arguments_.command;
    if (load_acquire(&command->reset_generation) != generation) {
      return true;
    }
    return resets_.take({.range = {load_acquire(&command->reset_begin_word),
                                   load_acquire(&command->reset_end_word)},
                         .epoch = load_acquire(&command->reset_epoch),
                         .taken = now_});
  }

  // What the host reads once it has seen the acknowledgement is there before it. The wave's visits
  // are over as well: each ends with a word that was read back.
  __device__ __forceinline__ void acknowledge() const {
    if (is_first_lane_) {
      gaps_.publish(wave_);
      load_waited(&wave_->longest_gap_ticks);
      load_waited(&wave_->longest_gap_start_ticks);
      store(&wave_->acknowledged_generation, taken_generation_);
      load_waited(&wave_->acknowledged_generation);
    }
  }

  // Loads as it waits, so that it can be preempted and called off.
  __device__ __forceinline__ void pause(std::uint64_t ticks) const {
    if (ticks == 0) {
      return;
    }
    const std::uint64_t start_ticks = clock_ticks();
    std::uint64_t now_ticks = start_ticks;
    while (now_ticks - start_ticks < ticks && !deadline_has_passed(now_ticks) &&
           load_acquire(&arguments_.command->stop) == 0) {
      now_ticks = clock_ticks();
    }
  }

  __device__ __forceinline__ bool deadline_has_passed(std::uint64_t now_ticks) const {
    return now_ticks - launch_ticks_ >= arguments_.deadline_ticks;
  }

  WorkloadArguments arguments_;
  WaveState* wave_;
  bool is_first_lane_;
  Slice slice_;
  LaneChecks checks_;
  GapMeter gaps_;
  std::uint64_t launch_ticks_;
  ResetHistory resets_;
  WordRange excluded_;
  Moment now_{.pass = 1, .iteration = 0};
  std::uint64_t taken_generation_ = 0;
  std::uint64_t iterations_ = 0;
  std::uint64_t passes_ = 0;
  std::uint64_t outcome_ = kRunning;
};

}  // namespace notifier::device
