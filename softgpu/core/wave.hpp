// SPDX-License-Identifier: MIT
// Waves (threads that run kernels) and how all of them are stopped, flushed and let go again.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "softgpu/core/registry.hpp"
#include "softgpu/kernel/wave_context.hpp"

namespace softgpu {

/// One kernel launch as the waves see it.
struct Grid {
  void (*run)(const void* arguments) = nullptr;
  const void* arguments = nullptr;
  std::uint32_t wave_count = 0;
  std::uint32_t device = 0;
  std::atomic<std::uint32_t> waves_left{0};  // futex word
};

/// Notices that the operating system took the CPU from a running wave.
class CpuWatch {
 public:
  void restart() { last_clock_ns_ = 0; }

  /// Returns the CPU time in ns lost since the last call, 0 mostly.
  std::uint64_t sample(std::uint64_t monotonic_raw_ns);

  /// The last sample before a pause that is no loss.
  std::uint64_t end(std::uint64_t monotonic_raw_ns);

 private:
  void rebase(std::uint64_t monotonic_raw_ns, std::uint64_t cpu_ns);

  std::uint64_t last_clock_ns_ = 0;
  std::uint64_t baseline_clock_ns_ = 0;
  std::uint64_t baseline_cpu_ns_ = 0;
};

/// A resuming wave looks whether it may run; those who stop waves wait for it as for a running one.
enum WaveState : std::uint32_t {
  kWaveIdle,
  kWaveResuming,
  kWaveRunning,
  kWaveParked,
  kWaveFaulting,
};

/// A retry fault that its wave waits for.
struct RetryFault {
  std::uint32_t device = 0;
  std::uintptr_t address = 0;
  Access access = Access::kRead;
  std::optional<TranslationFault> fatal;  // the answer: nothing when the page is there now
  std::uint64_t since_ns = 0;             // CLOCK_BOOTTIME
  std::uint64_t due_ns = 0;               // CLOCK_MONOTONIC: not to be served before
  std::atomic<std::uint32_t> pending{0};  // futex word
  RetryFault* next = nullptr;             // in the order of arrival
};

class WaveTable;

/// Lives in memory that fork neither copies nor write-protects (control_memory).
class Wave : public WaveContext {
 public:
  explicit Wave(WaveTable& table) : table_(&table) {}

  /// Body of the wave's thread: runs grids as they are given, for ever.
  [[noreturn]] void run_grids();

  /// Gives an idle wave its part of a grid. One caller at a time.
  void start(Grid& grid, std::uint32_t index);

  /// CPU address of one word for the device; parks, flushes and fills the translation as needed.
  std::uintptr_t translate(std::uintptr_t device_address, Access access);

  /// Parks or flushes if somebody asked for it. The only place where a running wave stops.
  void attend() {
    if ((attention.load(std::memory_order_relaxed) & (kAttentionPark | kAttentionFlush)) != 0) {
      attend_slowly();
    }
  }

  /// Counts as stopped from here on; makes no access any more.
  void stop_at_fault();

  /// May make accesses without looking for a stop first. A wave that is idle, parked or at a fault
  /// holds no translation, and comes back only through run_when_allowed().
  bool is_under_way() const {
    const std::uint32_t now = state.load(std::memory_order_seq_cst);
    return now == kWaveRunning || now == kWaveResuming;
  }

  bool watched_by_plant() const {
    return (attention.load(std::memory_order_relaxed) & kAttentionPlant) != 0;
  }

  std::uint32_t device = 0;  // that it runs for
  std::atomic<std::uint32_t> state{kWaveIdle};
  std::atomic<std::uint32_t> flushes_done{0};
  std::atomic<std::uint64_t> parked_ns{0};   // CLOCK_BOOTTIME of the last stop ...
  std::atomic<std::uint64_t> resumed_ns{0};  // ... and of its end
  CpuWatch cpu_watch;
  std::uint64_t lost_before_stop_ns = 0;  // noticed on parking, told when it runs again
  std::uint64_t accesses = 0;             // counted for planted faults only
  std::uint64_t context_stops = 0;        // of a wave that holds words, as the next, for plants
  std::array<std::uint64_t, 2> saved{};   // at the stop before: a word of registers, one of LDS
  std::uintptr_t accessing = 0;           // device address of the slow access under way

 private:
  static constexpr std::size_t kCachedTranslations = 8;

  void attend_slowly();
  void run_when_allowed();
  void answer_flushes();
  void park();
  void wait_for_service(std::uintptr_t device_address, Access access);
  void run_grid(Grid& grid);
  void drop_translations();
  void use(const Translation& translation);
  void take_own_limits();
  bool find_cached(std::uintptr_t device_address, Access access);
  bool fill(std::uintptr_t device_address, Access access);

  WaveTable* table_;
  RetryFault fault_;
  std::array<Translation, kCachedTranslations> cached_{};
  std::size_t next_victim_ = 0;
  std::atomic<std::uint32_t> grids_given_{0};  // futex word
  std::uint32_t grids_taken_ = 0;
  Grid* grid_ = nullptr;
};

/// All waves of the process. Stop requests are counted by the caller (QueueStops), not here.
class WaveTable {
 public:
  static constexpr std::size_t kCapacity = 512;

  WaveTable();

  /// Before the first wave. Without preemption a stop waits, so long at most, for the jobs under
  /// way to end and holds back later ones (KFD with cwsr_enable=0, amdgpu_hmm_invalidate_gfx;
  /// kfd_facts §3, §4).
  void wait_for_jobs(std::uint64_t limit_ns);
  bool preempts() const { return preempts_.load(std::memory_order_seq_cst); }

  /// A job is a grid. True: it counts from now on, though it may have to wait for others before it
  /// runs, as a fence does from its submission. False: it is held back and must be begun when its
  /// turn comes. The caller submits jobs of one queue in order.
  bool submit_job();
  /// Returns when a job that was held back may run.
  void begin_held_job();
  /// By its last wave.
  void end_job();

  /// A job has faulted and will never end: from now on its waves are stopped where they are.
  void preempt_from_now_on();

  /// Makes a wave; null when the table is full. On the wave's own thread, which is not filtered;
  /// one at a time.
  Wave* add();

  /// Asks every wave to park. Only atomics: may be called under the registry lock. Waves that start
  /// later park before their first access.
  void request_stop();

  /// Returns when no wave runs, or no job. Fails the process when that takes longer than the limit.
  void wait_until_stopped();

  /// Waits until waves that were stopped at this CLOCK_MONOTONIC time have mostly gone to sleep. A
  /// CPU that still runs a thread of the process is interrupted when the change flushes TLBs, and
  /// the change waits for it; one that is idle or has gone on to another process is left out.
  void wait_until_off_cpus(std::uint64_t stopped_ns) const;

  /// Waves may run; those that sleep do so after wake(). That is for a caller without locks: on one
  /// CPU with its waker a wave runs at once, and whoever wants the lock waits until it is
  /// preempted.
  void resume();
  void wake();

  /// Asks running waves to drop their translations; returns what wait_until_flushed needs.
  std::uint32_t request_flush();
  void wait_until_flushed(std::uint32_t request);

  /// Waves added from now on send every access through the slow path, for planted faults.
  void watch_all_accesses();

  bool stop_requested() const { return (stops_.load(std::memory_order_seq_cst) & 1) != 0; }
  std::size_t size() const { return size_.load(std::memory_order_acquire); }
  Wave& wave(std::size_t index) { return *waves_[index]; }
  std::size_t running() const;

  /// Whether no wave, or no job, runs or is about to.
  bool stopped() const;

  /// Whether the wave holds a translation that ends at this CPU address. On the wave's own thread.
  bool translates_to(const WaveContext& wave, std::uintptr_t cpu_address) const;

 private:
  friend class Wave;

  void acknowledge();
  [[noreturn]] void fail_to_stop() const;
  template <typename Predicate>
  void wait_for_acknowledgements(Predicate done);
  /// Of the waves under way; the places of all others, up to kCapacity, cost a load each. None that
  /// starts meanwhile is lost. The caller has written what it wants to be seen (stops_, or the
  /// cleared entries under the registry lock) before it reads a wave's state here, and the wave
  /// writes kWaveResuming before it looks for that. All of it is sequentially consistent, so either
  /// the state is seen here, and the wave gets the bits, or the wave comes later and sees the stop,
  /// or the flush, which it answers at once, for it looks pages up after the change.
  void set_attention(std::uint32_t bits);

  // Written by waves and on every stop, so these too must not be copy-on-write: the table itself
  // lives in control memory.
  alignas(64) std::atomic<std::uint32_t> stops_{0};  // odd: stopped; futex word of parked waves
  alignas(64) std::atomic<std::uint32_t> acknowledgements_{0};  // futex word of those who wait
  std::atomic<std::uint32_t> waiters_{0};
  std::atomic<std::uint32_t> flushes_requested_{0};
  std::atomic<std::uint32_t> jobs_{0};       // submitted and not ended
  std::atomic<std::uint32_t> held_jobs_{0};  // not counted yet
  std::atomic<bool> preempts_{true};
  std::atomic<std::size_t> size_{0};
  std::array<Wave*, kCapacity> waves_{};
  std::uint32_t initial_attention_ = 0;
  unsigned spin_rounds_ = 0;
  // KFD gives a preemption 9 s (queue_preemption_timeout_ms, kfd_facts §4) and resets the GPU then.
  std::uint64_t stop_limit_ns_ = 9'000'000'000;
};

}  // namespace softgpu
