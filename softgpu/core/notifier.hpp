// SPDX-License-Identifier: MIT
// What an MMU notifier does, with KFD's rules: stops the device before memory changes, counts
// invalidations in progress, lets the restore worker put things right afterwards (kfd_facts §1,
// §2).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>

#include "softgpu/core/audit.hpp"
#include "softgpu/core/driver_events.hpp"
#include "softgpu/core/plant.hpp"
#include "softgpu/core/range_list.hpp"
#include "softgpu/core/registry.hpp"
#include "softgpu/core/settings.hpp"
#include "softgpu/core/stop_times.hpp"
#include "softgpu/core/under_way.hpp"
#include "softgpu/core/wave.hpp"

namespace softgpu {

/// SVM ranges treat unmapping apart from all other events.
enum class InvalidationCause { kUnmap, kOther, kFork, kMigrate };

/// KFD keeps userptr BOs and SVM ranges apart: each evicts and restores by itself, and queues run
/// when neither is evicted (kfd_process.c, qpd->evicted).
struct EvictionDomain {
  RangeKind kind;
  EvictionTrigger trigger;
  bool evicted = false;
  std::uint64_t restore_due_ns = 0;  // CLOCK_MONOTONIC
};

/// Lock order: notifier lock, then registry lock. The notifier lock is held while waves stop, as
/// KFD's is; waves never take it. Threads of the program take neither with a system call or an
/// allocation to follow.
class Notifier {
 public:
  static constexpr std::size_t kDomains = 2;
  static constexpr std::uint64_t kRestoreDelayNs = 1'000'000;  // AMDGPU_*_RESTORE_DELAY_MS

  Notifier(Registry& registry, WaveTable& waves, DriverEvents& events, Auditor& auditor,
           const Settings& settings);

  /// Returns after the device has stopped using the intervals. True: some range was hit. The change
  /// must be followed by end() with this result, for a range that comes meanwhile was not there to
  /// be hit.
  bool start(std::span<const Interval> intervals, InvalidationCause cause);

  /// Has the restore worker look at the evictions since the last call. Kept out of start(), or the
  /// worker would run on the CPU that the held call waits for.
  void tell_worker();
  void give_worker_work() { worker_has_work_ = true; }

  /// The change is done. Takes no lock.
  void end(bool hit);

  /// Waits until no invalidation is in progress, calling poll() every so often.
  template <typename Poll>
  void wait_for_ends(Poll&& poll) const {
    invalidations_.wait_for_none(poll);
  }
  std::uint32_t in_progress() const { return invalidations_.count(); }

  /// After a range was inserted and before its pages are looked up for the first time: waits until
  /// every change is over that may have been inspected without it.
  template <typename Poll>
  void wait_for_changes(Poll&& poll) const {
    changes_.wait_for_none(poll);
  }

  std::mutex& lock() { return lock_; }
  std::array<EvictionDomain, kDomains>& domains() { return domains_; }  // under lock()

  /// From now on no wave runs. The caller's own wave has been stopped already, if it is one.
  void stop_for_good();

  /// Under the registry lock: no change is under way that some range was marked for, so pages
  /// looked up from now on are the new ones unless the range is marked again.
  bool is_quiet() const { return in_progress() == 0; }

  /// Under lock(): ends a domain's eviction; the device may run again when no domain is evicted.
  void resume(EvictionDomain& domain);
  /// Worker, after resume() and without any lock: the device runs.
  void wake_waves();

  /// Worker: it begins to look pages up.
  void note_restore_began();
  /// Worker, without lock(): writes the report of the stop that resume() has just ended, if it has.
  void report_stop();

  /// Under the registry lock: the ranges of this kind that are to be validated.
  RangeList& invalid_ranges(RangeKind kind) { return invalid_ranges_[kind == RangeKind::kSvm]; }

  /// Signalled when the restore worker has something to do.
  std::atomic<std::uint32_t>& work() { return work_; }
  void wake_worker();

 private:
  struct Effect {
    bool any = false;
    std::array<bool, kDomains> evicts{};
    bool flushes = false;
  };

  template <typename Visit>
  void for_each_hit(std::span<const Interval> intervals, InvalidationCause cause, Visit&& visit);
  Effect inspect(std::span<const Interval> intervals, InvalidationCause cause);
  void set_evicted(const Effect& effect, std::uint64_t stopped_ns);
  void announce_unmaps(std::span<const Interval> intervals, InvalidationCause cause);
  void announce_unmaps(const Interval& interval, InvalidationCause cause);
  void audit_before_clearing(std::span<const Interval> intervals);

  /// True: waves must drop their translations before the change.
  bool mark(std::span<const Interval> intervals, InvalidationCause cause, bool stop);
  void mark_invalid(Range& range, const Interval& hit);
  void mark_unmapped(Range& range, const Interval& hit);
  void clear_pages(Range& range, const Interval& hit, std::uint64_t entry);
  void check_stopped(std::span<const Interval> intervals);

  Registry& registry_;
  WaveTable& waves_;
  DriverEvents& events_;
  Auditor& auditor_;
  const Settings& settings_;
  std::mutex lock_;
  std::array<EvictionDomain, kDomains> domains_{
      EvictionDomain{.kind = RangeKind::kUserptr, .trigger = EvictionTrigger::kUserptr},
      EvictionDomain{.kind = RangeKind::kSvm, .trigger = EvictionTrigger::kSvm}};
  std::array<RangeList, kDomains> invalid_ranges_;
  bool stopped_for_good_ = false;  // under lock()
  StopTimes stop_times_;           // under lock()
  bool stop_ended_ = false;        // under lock()
  bool waves_sleep_ = false;       // the worker's: it has resumed them and not woken
  std::atomic<bool> worker_has_work_{false};
  std::uint64_t marks_ = 0;             // number of the invalidation under way
  UnderWay changes_;                    // of the CPU's memory, whether they hit a range or not
  UnderWay invalidations_;              // those that hit one
  std::atomic<std::uint32_t> work_{0};  // futex word of the restore worker
  StalePlant stale_plant_;
};

}  // namespace softgpu
