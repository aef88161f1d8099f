// SPDX-License-Identifier: MIT
#include "softgpu/core/wave.hpp"

#include <algorithm>

#include "softgpu/core/clock.hpp"
#include "softgpu/core/device.hpp"
#include "softgpu/core/driver_events.hpp"
#include "softgpu/core/futex.hpp"
#include "softgpu/core/plant.hpp"

namespace softgpu {

constinit thread_local WaveContext* current_wave = nullptr;

WaveContext& running_wave() { return *current_wave; }

namespace {

bool hit(const Translation& translation, std::uintptr_t address, Access access) {
  return address - translation.device_begin <
         (access == Access::kWrite ? translation.writable_size : translation.size);
}

}  // namespace

void Wave::run_grids() {
  current_wave = this;
  for (;;) {
    while (grids_given_.load(std::memory_order_acquire) == grids_taken_) {
      futex_wait(grids_given_, grids_taken_);
    }
    ++grids_taken_;
    run_grid(*grid_);
  }
}

void Wave::start(Grid& grid, std::uint32_t index) {
  grid_ = &grid;
  wave_index = index;
  wave_count = grid.wave_count;
  device = grid.device;
  grids_given_.fetch_add(1, std::memory_order_release);
  futex_wake_all(grids_given_);
}

void Wave::run_grid(Grid& grid) {
  drop_translations();
  cpu_watch.restart();
  run_when_allowed();
  if (parked_ns.load() > resumed_ns.load()) {  // the job before this one was waited for
    resumed_ns.store(read_clock_ns(CLOCK_BOOTTIME), std::memory_order_release);
  }
  grid.run(grid.arguments);
  held_registers = {};
  held_local = {};
  if (!table_->preempts() && table_->stop_requested()) {
    parked_ns.store(read_clock_ns(CLOCK_BOOTTIME), std::memory_order_release);
  }
  state.store(kWaveIdle, std::memory_order_seq_cst);
  if (grid.waves_left.fetch_sub(1, std::memory_order_acq_rel) != 1) {
    table_->acknowledge();
    return;
  }
  // Acknowledges for this wave as well: whoever waits for the job is woken once, when it has ended.
  table_->end_job();
  futex_wake_all(grid.waves_left);
}

void Wave::attend_slowly() {
  const std::uint64_t now_ns = read_clock_ns(CLOCK_MONOTONIC_RAW);
  if ((attention.load(std::memory_order_acquire) & kAttentionFlush) != 0) {
    attention.fetch_and(~kAttentionFlush, std::memory_order_acq_rel);
    const std::uint32_t request = table_->flushes_requested_.load(std::memory_order_acquire);
    drop_translations();
    flushes_done.store(request, std::memory_order_seq_cst);
    table_->acknowledge();
  }
  const bool parks = table_->preempts() && table_->stop_requested();
  if (parks) {
    park();
  }
  // A wave that got its CPU back only to park has a stall that began before the stop. That takes a
  // system call, so it is found out when nobody waits for this wave any more.
  lost_before_stop_ns += cpu_watch.end(now_ns);
  if (parks) {
    run_when_allowed();
  }
}

void Wave::run_when_allowed() {
  for (;;) {
    // Either this wave sees the stop, or whoever stops sees it resuming and waits for it.
    state.store(kWaveResuming, std::memory_order_seq_cst);
    answer_flushes();
    if (!table_->preempts() || !table_->stop_requested()) {
      state.store(kWaveRunning, std::memory_order_seq_cst);
      return;
    }
    park();
  }
}

/// Of requests that came while the wave was not under way: they have not reached it, and it holds
/// no translation. Those that come from now on find it under way.
void Wave::answer_flushes() {
  const std::uint32_t request = table_->flushes_requested_.load(std::memory_order_seq_cst);
  if (flushes_done.load(std::memory_order_relaxed) != request) {
    flushes_done.store(request, std::memory_order_seq_cst);
    table_->acknowledge();
  }
}

void Wave::park() {
  drop_translations();
  parked_ns.store(read_clock_ns(CLOCK_BOOTTIME), std::memory_order_release);
  state.store(kWaveParked, std::memory_order_seq_cst);
  table_->acknowledge();
  std::uint32_t stops = table_->stops_.load(std::memory_order_acquire);
  while ((stops & 1) != 0) {
    futex_wait(table_->stops_, stops);
    stops = table_->stops_.load(std::memory_order_acquire);
  }
  planted_context(*this);
  resumed_ns.store(read_clock_ns(CLOCK_BOOTTIME), std::memory_order_release);
}

void Wave::stop_at_fault() {
  drop_translations();
  state.store(kWaveFaulting, std::memory_order_seq_cst);
  table_->acknowledge();
}

/// While the wave waits it holds no translation, so nobody who stops or flushes waits for it.
void Wave::wait_for_service(std::uintptr_t device_address, Access access) {
  cpu_watch.restart();
  fault_.device = device;
  fault_.address = device_address;
  fault_.access = access;
  stop_at_fault();
  softgpu::device().fault_server().serve_for(fault_);
  run_when_allowed();
  if (fault_.fatal) {
    softgpu::device().raise_memory_fault(*this, {device_address, access, *fault_.fatal});
  }
}

void Wave::drop_translations() {
  take_own_limits();
  recent = {};
  minus_device_begin = 0;
  cached_ = {};
}

void Wave::take_own_limits() {
  load_limit.store(0, std::memory_order_relaxed);
  store_limit.store(0, std::memory_order_relaxed);
}

void Wave::use(const Translation& translation) {
  recent = translation;
  minus_device_begin = 0 - recent.device_begin;
  load_limit.store(recent.size, std::memory_order_relaxed);
  store_limit.store(recent.writable_size, std::memory_order_seq_cst);
  if (attention.load(std::memory_order_seq_cst) != 0) {
    take_own_limits();
  }
}

bool Wave::find_cached(std::uintptr_t device_address, Access access) {
  const auto* found = std::find_if(cached_.begin(), cached_.end(), [&](const Translation& entry) {
    return hit(entry, device_address, access);
  });
  if (found == cached_.end()) {
    return false;
  }
  use(*found);
  return true;
}

bool Wave::fill(std::uintptr_t device_address, Access access) {
  TranslationResult result;
  bool must_attend = false;
  {
    Registry& registry = softgpu::device().registry();
    const std::lock_guard lock(registry.lock());
    result = registry.translate(device_address, access);
    // Whoever invalidates asks waves to stop under this lock. A wave that finds an invalidated
    // page and no such request is running where it must not.
    must_attend = result.fault == TranslationFault::kInvalidated &&
                  (attention.load(std::memory_order_relaxed) & kAttentionPark) != 0;
  }
  if (must_attend) {
    return false;
  }
  if (result.fault == TranslationFault::kInvalidated) {
    result.translation = softgpu::device().report_protocol_violation(device_address);
  } else if (result.fault) {
    if (!softgpu::device().retry_faults()) {
      softgpu::device().raise_memory_fault(*this, {device_address, access, *result.fault});
    }
    wait_for_service(device_address, access);
    return false;
  }
  use(result.translation);
  cached_[next_victim_] = recent;
  next_victim_ = (next_victim_ + 1) % kCachedTranslations;
  return true;
}

std::uintptr_t Wave::translate(std::uintptr_t device_address, Access access) {
  for (;;) {
    attend();
    if (find_cached(device_address, access) || fill(device_address, access)) {
      return device_address + recent.delta;
    }
  }
}

std::uint64_t slow_load(WaveContext& context, std::uintptr_t device_address) {
  Wave& wave = static_cast<Wave&>(context);
  const auto* word =
      reinterpret_cast<const std::uint64_t*>(wave.translate(device_address, Access::kRead));
  const std::uint64_t value = __atomic_load_n(word, __ATOMIC_ACQUIRE);
  return wave.watched_by_plant() ? planted_load(wave, device_address, value) : value;
}

void slow_store(WaveContext& context, std::uintptr_t device_address, std::uint64_t value) {
  Wave& wave = static_cast<Wave&>(context);
  auto* word = reinterpret_cast<std::uint64_t*>(wave.translate(device_address, Access::kWrite));
  if (wave.watched_by_plant()) {
    planted_store(wave, device_address, word, value);
  } else {
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
  }
}

std::uint64_t wave_clock_ticks(WaveContext& context) {
  Wave& wave = static_cast<Wave&>(context);
  wave.attend();
  const std::uint64_t now_ns = read_clock_ns(CLOCK_MONOTONIC_RAW);
  if (const std::uint64_t lost_ns = wave.cpu_watch.sample(now_ns) + wave.lost_before_stop_ns;
      lost_ns != 0) {
    wave.lost_before_stop_ns = 0;
    softgpu::device().events().lost_cpu(wave.device, wave.wave_index, lost_ns);
  }
  return device_ticks_at(now_ns);
}

}  // namespace softgpu
