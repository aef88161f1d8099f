// SPDX-License-Identifier: MIT
#include "softgpu/core/restore.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <mutex>

#include "softgpu/core/clock.hpp"
#include "softgpu/core/fork_policy.hpp"
#include "softgpu/core/futex.hpp"

namespace softgpu {

RestoreWorker::RestoreWorker(const Parts& parts, const Settings& settings)
    : parts_(parts),
      resumes_early_(settings.plant == Plant::kEarlyResume),
      slower_percent_(settings.slower_percent) {}

bool RestoreWorker::any_due(std::uint64_t now_ns, std::int64_t& wait_ns) {
  wait_ns = -1;
  const std::lock_guard lock(parts_.notifier.lock());
  for (const EvictionDomain& domain : parts_.notifier.domains()) {
    if (domain.evicted) {
      const auto left_ns = static_cast<std::int64_t>(domain.restore_due_ns - now_ns);
      wait_ns = wait_ns < 0 ? std::max<std::int64_t>(left_ns, 0)
                            : std::clamp<std::int64_t>(left_ns, 0, wait_ns);
    }
  }
  return wait_ns == 0;
}

/// Finds out what fork will do with new ranges before it is held for that. Returns the time until
/// the next look, negative: none is needed.
std::int64_t RestoreWorker::resolve_settled_fork_policies() {
  const std::uint64_t now_ns = read_clock_ns(CLOCK_MONOTONIC);
  const std::int64_t wait_ns = time_to_pass_ns(fork_policy_counts(parts_.registry), now_ns);
  if (wait_ns != 0) {
    return wait_ns;
  }
  resolve_fork_policies(parts_.registry);
  return -1;
}

void RestoreWorker::serve() {
  for (;;) {
    const std::uint32_t seen = parts_.notifier.work().load(std::memory_order_acquire);
    std::int64_t wait_ns = 0;
    if (!any_due(read_clock_ns(CLOCK_MONOTONIC), wait_ns)) {
      if (wait_ns < 0) {
        wait_ns = resolve_settled_fork_policies();
      }
      futex_wait(parts_.notifier.work(), seen, wait_ns);
      continue;
    }
    for (EvictionDomain& domain : parts_.notifier.domains()) {
      bool due = false;
      {
        const std::lock_guard lock(parts_.notifier.lock());
        due = domain.evicted && read_clock_ns(CLOCK_MONOTONIC) >= domain.restore_due_ns;
      }
      if (due) {
        restore(domain);
        parts_.notifier.wake_waves();
        parts_.notifier.report_stop();
      }
    }
  }
}

void RestoreWorker::restore(EvictionDomain& domain) {
  const std::lock_guard memory_lock(parts_.memory.lock());
  if (resumes_early_) {
    const std::lock_guard lock(parts_.notifier.lock());
    parts_.notifier.resume(domain);  // planted: nothing was validated
    return;
  }
  parts_.notifier.wait_for_ends([this] { parts_.forks.poll(); });
  parts_.notifier.note_restore_began();
  hold().wait_in(HoldPhase::kRevalidation);
  ++pass_;
  stage_all(domain.kind);
  dawdle(domain);
  finish_pass(domain);
}

/// Planted: from the eviction, or the attempt before, to here takes so much longer. It holds no
/// lock that a system call waits for, and sleeps: work would delay other threads, and other
/// metrics.
void RestoreWorker::dawdle(EvictionDomain& domain) {
  if (slower_percent_ == 0) {
    return;
  }
  std::uint64_t begin_ns = 0;
  {
    const std::lock_guard lock(parts_.notifier.lock());
    begin_ns = domain.restore_due_ns - Notifier::kRestoreDelayNs;
  }
  const std::uint64_t so_far_ns = read_clock_ns(CLOCK_MONOTONIC) - begin_ns;
  const std::uint64_t end_ns = begin_ns + so_far_ns + so_far_ns * slower_percent_ / 100;
  prctl(PR_SET_TIMERSLACK, 1UL);  // 50 us would be 4 % of the usual restore
  const timespec end = {static_cast<std::time_t>(end_ns / 1'000'000'000),
                        static_cast<std::int64_t>(end_ns % 1'000'000'000)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, nullptr) == EINTR) {
  }
  prctl(PR_SET_TIMERSLACK, 0UL);  // the usual again, for the restore delay
}

Range* RestoreWorker::take_next(RangeKind kind) {
  std::unique_lock lock(parts_.registry.lock());
  // A range marked after the last look has not been changed yet: its pages would be the old ones.
  while (!parts_.notifier.is_quiet()) {
    lock.unlock();
    parts_.notifier.wait_for_ends([this] { parts_.forks.poll(); });
    lock.lock();
  }
  RangeList& invalid = parts_.notifier.invalid_ranges(kind);
  Range* range = invalid.front();
  if (range == nullptr || range->pass == pass_) {
    return nullptr;  // those that were taken went to the back
  }
  invalid.remove(*range);
  invalid.push_back(*range);
  range->pass = pass_;
  begin_staging(*range);
  return range;
}

/// Stops at the first range that fails with an error other than a hole: KFD gives up there, too,
/// and the ranges behind it wait (kfd_facts §0.17).
void RestoreWorker::stage_all(RangeKind kind) {
  while (Range* range = take_next(kind)) {
    range->pass_validation = fault_in(*range, parts_.pagemap);
    switch (range->pass_validation.outcome) {
      case ValidationOutcome::kPages:
        parts_.auditor.audit_staged(*range);
        break;
      case ValidationOutcome::kHole:
        break;
      case ValidationOutcome::kNoPermission:
      case ValidationOutcome::kTryAgain:
        return;
    }
  }
}

bool RestoreWorker::is_staged(const Range& range) const {
  const ValidationOutcome outcome = range.pass_validation.outcome;
  return range.pass == pass_ && range.pass_invalidations == range.invalidations &&
         (outcome == ValidationOutcome::kPages || outcome == ValidationOutcome::kHole);
}

/// Commits what nothing has changed since it was staged; true when that is everything.
bool RestoreWorker::commit_staged(RangeKind kind) {
  const std::lock_guard lock(parts_.registry.lock());
  RangeList& invalid = parts_.notifier.invalid_ranges(kind);
  Range* next = nullptr;
  for (Range* range = invalid.front(); range != nullptr; range = next) {
    next = range->next_invalid;
    if (is_staged(*range)) {
      commit(*range, range->pass_validation);
      invalid.remove(*range);
    }
  }
  return invalid.empty();
}

void RestoreWorker::finish_pass(EvictionDomain& domain) {
  const std::lock_guard lock(parts_.notifier.lock());
  if (commit_staged(domain.kind)) {
    parts_.notifier.resume(domain);
  } else {
    parts_.events.queue_restore(true);
    domain.restore_due_ns = read_clock_ns(CLOCK_MONOTONIC) + Notifier::kRestoreDelayNs;
  }
}

}  // namespace softgpu
