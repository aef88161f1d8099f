// SPDX-License-Identifier: MIT
// How all waves are stopped, flushed and let go again. Jobs that are waited for are in jobs.cpp.
#include <sched.h>

#include <algorithm>

#include "softgpu/core/clock.hpp"
#include "softgpu/core/control_memory.hpp"
#include "softgpu/core/futex.hpp"
#include "softgpu/core/wave.hpp"

namespace softgpu {
namespace {

constexpr unsigned kAcknowledgementSpins = 2000;  // some microseconds: a running wave needs < 1 µs
// From a wave's acknowledgement until its CPU runs something else. With 0 and 2 µs the change's own
// call takes 2 to 5 µs in some runs and 25 in others, with 5 and 6 µs never more than 8 at p90: a
// notified madvise then takes 17 to 24 µs, and 15 to 39 before (medians of runs of 200).
constexpr std::uint64_t kTimeToSleepNs = 5000;

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

WaveTable::WaveTable() {
  // On one CPU a spinning thread keeps the wave from acknowledging.
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  const bool several = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 1;
  spin_rounds_ = several ? kAcknowledgementSpins : 0;
}

std::size_t WaveTable::running() const {
  const std::size_t count = size();
  return static_cast<std::size_t>(
      std::count_if(waves_.begin(), waves_.begin() + static_cast<std::ptrdiff_t>(count),
                    [](const Wave* wave) { return wave->state.load() == kWaveRunning; }));
}

bool WaveTable::translates_to(const WaveContext& wave, std::uintptr_t cpu_address) const {
  const Translation& recent = wave.recent;
  return cpu_address - recent.delta - recent.device_begin < recent.size;
}

bool WaveTable::stopped() const {
  if (!preempts()) {
    return jobs_.load(std::memory_order_seq_cst) == 0;
  }
  const std::size_t count = size();
  return std::all_of(waves_.begin(), waves_.begin() + static_cast<std::ptrdiff_t>(count),
                     [](const Wave* wave) { return !wave->is_under_way(); });
}

Wave* WaveTable::add() {
  const std::size_t index = size_.load(std::memory_order_relaxed);
  if (index == kCapacity) {
    return nullptr;
  }
  Wave& wave = make_in_control_memory<Wave>(*this);
  wave.attention.store(initial_attention_, std::memory_order_relaxed);
  waves_[index] = &wave;
  size_.store(index + 1, std::memory_order_seq_cst);
  return &wave;
}

void WaveTable::watch_all_accesses() { initial_attention_ = kAttentionPlant; }

void WaveTable::acknowledge() {
  acknowledgements_.fetch_add(1, std::memory_order_seq_cst);
  if (waiters_.load(std::memory_order_seq_cst) != 0) {
    futex_wake_all(acknowledgements_);
  }
}

void WaveTable::set_attention(std::uint32_t bits) {
  for (std::size_t index = 0; index < size(); ++index) {
    if (waves_[index]->is_under_way()) {
      waves_[index]->request_attention(bits);
    }
  }
}

template <typename Predicate>
void WaveTable::wait_for_acknowledgements(Predicate done) {
  for (unsigned round = 0; round < spin_rounds_; ++round) {
    if (done()) {
      return;
    }
    pause_cpu();
  }
  const std::uint64_t limit_ns = read_clock_ns(CLOCK_MONOTONIC) + stop_limit_ns_;
  waiters_.fetch_add(1, std::memory_order_seq_cst);
  for (;;) {
    const std::uint32_t seen = acknowledgements_.load(std::memory_order_seq_cst);
    if (done()) {
      break;
    }
    if (read_clock_ns(CLOCK_MONOTONIC) > limit_ns) {
      fail_to_stop();
    }
    futex_wait(acknowledgements_, seen, 100'000'000);
  }
  waiters_.fetch_sub(1, std::memory_order_seq_cst);
}

void WaveTable::request_stop() {
  stops_.fetch_or(1, std::memory_order_seq_cst);
  if (preempts()) {
    set_attention(kAttentionPark);
  }
}

void WaveTable::wait_until_stopped() {
  wait_for_acknowledgements([this] { return stopped(); });
}

void WaveTable::wait_until_off_cpus(std::uint64_t stopped_ns) const {
  // With one CPU the wave is off it, or nobody would be here.
  while (spin_rounds_ != 0 && read_clock_ns(CLOCK_MONOTONIC) < stopped_ns + kTimeToSleepNs) {
    pause_cpu();
  }
}

void WaveTable::resume() {
  for (std::size_t index = 0; index < size(); ++index) {
    std::atomic<std::uint32_t>& attention = waves_[index]->attention;
    // Stops are requested under the notifier lock, as this is: a bit that is not seen was not set.
    if ((attention.load(std::memory_order_relaxed) & kAttentionPark) != 0) {
      attention.fetch_and(~kAttentionPark, std::memory_order_seq_cst);
    }
  }
  stops_.fetch_add(1, std::memory_order_seq_cst);
}

void WaveTable::wake() { futex_wake_all(stops_); }

std::uint32_t WaveTable::request_flush() {
  const std::uint32_t request = flushes_requested_.fetch_add(1, std::memory_order_seq_cst) + 1;
  set_attention(kAttentionFlush);
  return request;
}

void WaveTable::wait_until_flushed(std::uint32_t request) {
  wait_for_acknowledgements([this, request] {
    for (std::size_t index = 0; index < size(); ++index) {
      const Wave& wave = *waves_[index];
      // Signed difference: the counters may wrap.
      if (wave.is_under_way() &&
          static_cast<std::int32_t>(wave.flushes_done.load(std::memory_order_seq_cst) - request) <
              0) {
        return false;
      }
    }
    return true;
  });
}

}  // namespace softgpu
