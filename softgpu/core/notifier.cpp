// SPDX-License-Identifier: MIT
#include "softgpu/core/notifier.hpp"

#include <algorithm>
#include <utility>

#include "softgpu/core/clock.hpp"
#include "softgpu/core/fork_policy.hpp"
#include "softgpu/core/futex.hpp"

namespace softgpu {
namespace {

// What a held call waits for at most, so that the audit does not become the call's cost: 64 pages
// are one read of some microseconds.
constexpr std::uint64_t kPagesAuditedBeforeCall = 64;

std::size_t domain_of(const Range& range) { return range.kind == RangeKind::kSvm ? 1 : 0; }

/// KFD frees an SVM range's pages without stopping queues; everything else evicts (kfd_facts §0.8).
bool only_unmaps(const Range& range, InvalidationCause cause) {
  return range.kind == RangeKind::kSvm && cause == InvalidationCause::kUnmap;
}

/// With retry faults on, queues run on and waves fault, unless the range is to be mapped always
/// (kfd_facts §2, branches A and B).
bool keeps_queues(const Range& range, InvalidationCause cause) {
  return !range.stops_queues() || only_unmaps(range, cause);
}

UnmapTrigger unmap_trigger(InvalidationCause cause) {
  switch (cause) {
    case InvalidationCause::kUnmap:
      return UnmapTrigger::kUnmapFromCpu;
    case InvalidationCause::kMigrate:
      return UnmapTrigger::kMmuNotifyMigrate;
    default:
      return UnmapTrigger::kMmuNotify;
  }
}

Interval overlap(const Range& range, const Interval& interval) {
  return {std::max(range.host_begin, interval.begin), std::min(range.host_end(), interval.end)};
}

}  // namespace

Notifier::Notifier(Registry& registry, WaveTable& waves, DriverEvents& events, Auditor& auditor,
                   const Settings& settings)
    : registry_(registry),
      waves_(waves),
      events_(events),
      auditor_(auditor),
      settings_(settings),
      stale_plant_(settings.plant == Plant::kStale) {}

template <typename Visit>
void Notifier::for_each_hit(std::span<const Interval> intervals, InvalidationCause cause,
                            Visit&& visit) {
  for (const Interval& interval : intervals) {
    if (interval.begin >= interval.end) {
      continue;
    }
    registry_.host_tree().for_each_overlap(
        interval.begin, interval.end - 1, [&](IntervalNode& node) {
          Range& range = range_of(node);
          if (cause == InvalidationCause::kFork && range.fork_policy != ForkPolicy::kNotified) {
            return;
          }
          visit(range, overlap(range, interval));
        });
  }
}

Notifier::Effect Notifier::inspect(std::span<const Interval> intervals, InvalidationCause cause) {
  Effect effect;
  const std::lock_guard lock(registry_.lock());
  for_each_hit(intervals, cause, [&](Range& range, const Interval&) {
    effect.any = true;
    if (keeps_queues(range, cause)) {
      effect.flushes = effect.flushes || range.mapped;
    } else if (range.mapped) {
      effect.evicts[domain_of(range)] = true;
    }
  });
  return effect;
}

bool Notifier::start(std::span<const Interval> intervals, InvalidationCause cause) {
  const std::lock_guard notifier_lock(lock_);
  // Before the ranges are looked at: one that is not there yet waits for the end of the change.
  changes_.begin();
  if (cause == InvalidationCause::kFork) {
    resolve_fork_policies(registry_);  // of ranges that have come since the caller did
  }
  const Effect effect = inspect(intervals, cause);
  if (!effect.any) {
    return false;
  }
  invalidations_.begin();
  // As KFD: the line is written before the queues are stopped (kfd_facts §0.22).
  bool stop = false;
  for (std::size_t index = 0; index < kDomains; ++index) {
    if (effect.evicts[index] && !domains_[index].evicted) {
      if (!waves_.stop_requested() && !stop) {
        stop_times_ = {.evicted_ns = read_clock_ns(CLOCK_BOOTTIME)};
      }
      events_.queue_eviction(domains_[index].trigger);
      stop = true;
    }
  }
  if (effect.flushes) {
    audit_before_clearing(intervals);
    announce_unmaps(intervals, cause);
  }
  if (stop && !waves_.preempts()) {
    waves_.request_stop();  // the jobs need their pages until they end
    waves_.wait_until_stopped();
  }
  if (mark(intervals, cause, stop) && !waves_.stop_requested()) {
    waves_.wait_until_flushed(waves_.request_flush());
  }
  std::uint64_t stopped_ns = 0;
  if (stop) {
    waves_.wait_until_stopped();
    hold().wait_in(HoldPhase::kNotifier);
    stopped_ns = read_clock_ns(CLOCK_MONOTONIC);
    set_evicted(effect, stopped_ns);
  }
  if (effect.evicts[0] || effect.evicts[1]) {
    check_stopped(intervals);
  }
  stale_plant_.take_page(registry_, intervals);
  if (stop) {
    waves_.wait_until_off_cpus(stopped_ns);
    stop_times_.notified_ns = read_clock_ns(CLOCK_BOOTTIME);
  }
  return true;
}

void Notifier::set_evicted(const Effect& effect, std::uint64_t stopped_ns) {
  for (std::size_t index = 0; index < kDomains; ++index) {
    if (effect.evicts[index] && !domains_[index].evicted) {
      domains_[index].evicted = true;
      domains_[index].restore_due_ns = stopped_ns + (settings_.delays ? kRestoreDelayNs : 0);
    }
  }
  worker_has_work_ = true;
}

void Notifier::end(bool hit) {
  if (hit) {
    invalidations_.end();
  }
  changes_.end();
}

void Notifier::audit_before_clearing(std::span<const Interval> intervals) {
  for (const Interval& interval : intervals) {
    if (interval.begin < interval.end) {
      auditor_.audit(interval.begin, interval.end, kPagesAuditedBeforeCall);
    }
  }
}

void Notifier::announce_unmaps(std::span<const Interval> intervals, InvalidationCause cause) {
  for (const Interval& interval : intervals) {
    if (interval.begin < interval.end) {
      announce_unmaps(interval, cause);
    }
  }
}

void Notifier::announce_unmaps(const Interval& interval, InvalidationCause cause) {
  const UnmapTrigger trigger = unmap_trigger(cause);
  // In portions, since lines are not written under the registry lock.
  constexpr std::size_t kPortion = 32;
  std::array<Interval, kPortion> unmapped;
  Interval rest = interval;
  for (std::size_t count = kPortion; count == kPortion;) {
    count = 0;
    {
      const std::lock_guard lock(registry_.lock());
      for_each_hit({&rest, 1}, cause, [&](Range& range, const Interval& hit) {
        if (keeps_queues(range, cause) && range.mapped && count < kPortion) {
          unmapped[count++] = hit;
        }
      });
    }
    for (std::size_t index = 0; index < count; ++index) {
      events_.unmap_from_gpu(unmapped[index].begin, unmapped[index].end - unmapped[index].begin,
                             trigger);
      rest.begin = std::max(rest.begin, unmapped[index].end);
    }
  }
}

bool Notifier::mark(std::span<const Interval> intervals, InvalidationCause cause, bool stop) {
  // Waves are asked to stop under the registry lock: a wave that finds an invalid page finds the
  // request as well.
  const std::lock_guard lock(registry_.lock());
  ++marks_;
  if (stop) {
    waves_.request_stop();
  }
  bool flush = false;
  for_each_hit(intervals, cause, [&](Range& range, const Interval& hit) {
    flush = flush || (range.mapped && keeps_queues(range, cause));
    if (only_unmaps(range, cause)) {
      mark_unmapped(range, hit);
    } else if (!range.stops_queues()) {
      clear_pages(range, hit, 0);
    } else {
      mark_invalid(range, hit);
    }
  });
  return flush;
}

void Notifier::mark_invalid(Range& range, const Interval& hit) {
  const std::uint64_t begin_page = (hit.begin - range.host_begin) >> kPageShift;
  const std::uint64_t end_page = (hit.end - range.host_begin) >> kPageShift;
  const bool first = range.changed_begin_page == range.changed_end_page;
  range.changed_begin_page = first ? begin_page : std::min(range.changed_begin_page, begin_page);
  range.changed_end_page = first ? end_page : std::max(range.changed_end_page, end_page);
  range.invalid += range.mapped ? 1 : 0;  // the device has nothing of the others to lose
  ++range.invalidations;
  range.last_mark = marks_;
  if (range.mapped && !range.listed_invalid) {
    invalid_ranges(range.kind).push_back(range);
  }
}

void Notifier::mark_unmapped(Range& range, const Interval& hit) {
  clear_pages(range, hit, Pte::kUnmapped);
  range.has_unmapped = true;
}

void Notifier::clear_pages(Range& range, const Interval& hit, std::uint64_t entry) {
  const std::uint64_t end_page = (hit.end - range.host_begin) >> kPageShift;
  for (std::uint64_t page = (hit.begin - range.host_begin) >> kPageShift; page < end_page; ++page) {
    // What is unmapped stays so, whatever happens to the memory that took its place.
    range.entries[page] = entry | Pte::lasting_part(range.entries[page]);
  }
  range.pages = RangePages::kMixed;
  ++range.invalidations;
  if (!range.stops_queues() && hit.begin == range.host_begin && hit.end == range.host_end()) {
    range.mapped = false;  // as svm_range_unmap_from_gpus: until the next fault nothing to announce
  }
}

void Notifier::check_stopped(std::span<const Interval> intervals) {
  if (const std::size_t running = waves_.running(); running != 0 && waves_.stop_requested()) {
    events_.protocol_violation(intervals.front().begin, ProtocolViolation::kRunningWhileEvicted);
  }
  for (const Interval& interval : intervals) {
    auditor_.audit_marked(interval.begin, interval.end, kPagesAuditedBeforeCall, marks_);
  }
  if (settings_.audit == AuditLevel::kFull) {
    auditor_.audit(0, UINTPTR_MAX, UINT64_MAX);
  }
}

void Notifier::resume(EvictionDomain& domain) {
  events_.queue_restore(false);  // before the queues run, as KFD
  hold().wait_in(HoldPhase::kResume);
  domain.evicted = false;
  if (!stopped_for_good_ &&
      std::none_of(domains_.begin(), domains_.end(),
                   [](const EvictionDomain& other) { return other.evicted; })) {
    waves_.resume();
    stop_ended_ = true;
    waves_sleep_ = true;
  }
}

void Notifier::wake_waves() {
  if (std::exchange(waves_sleep_, false)) {
    waves_.wake();
  }
}

void Notifier::note_restore_began() {
  const std::lock_guard lock(lock_);
  stop_times_.restore_began_ns = read_clock_ns(CLOCK_BOOTTIME);
}

void Notifier::report_stop() {
  StopTimes times;
  {
    const std::lock_guard lock(lock_);
    if (!stop_ended_) {
      return;
    }
    stop_ended_ = false;
    times = stop_times_;
  }
  take_wave_times(waves_, times);
  events_.stop_report(times);
}

void Notifier::stop_for_good() {
  const std::lock_guard notifier_lock(lock_);
  stopped_for_good_ = true;
  {
    const std::lock_guard lock(registry_.lock());
    waves_.request_stop();
  }
  waves_.wait_until_stopped();
}

void Notifier::tell_worker() {
  if (worker_has_work_.exchange(false)) {
    wake_worker();
  }
}

void Notifier::wake_worker() {
  work_.fetch_add(1, std::memory_order_release);
  futex_wake_all(work_);
}

}  // namespace softgpu
