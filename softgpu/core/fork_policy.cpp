// SPDX-License-Identifier: MIT
#include "softgpu/core/fork_policy.hpp"

#include <mutex>
#include <utility>

#include "softgpu/core/proc_maps.hpp"

namespace softgpu {
namespace {

constinit std::mutex resolving_lock;  // supervisor and restore worker both resolve

bool fork_notifies(std::string_view flags) {
  return has_vm_flag(flags, "mw") && !has_vm_flag(flags, "sh") && !has_vm_flag(flags, "dc") &&
         !has_vm_flag(flags, "wf");
}

template <typename Visit>
void for_each_range(Registry& registry, Visit&& visit) {
  const std::lock_guard lock(registry.lock());
  registry.host_tree().for_each_overlap(0, UINTPTR_MAX,
                                        [&](IntervalNode& node) { visit(range_of(node)); });
}

/// False when all are known: with 100 000 ranges a look at each would keep held calls from the
/// registry for milliseconds.
bool ask_unknown(Registry& registry) {
  {
    const std::lock_guard lock(registry.lock());
    ForkPolicyCounts& counts = registry.fork_policy_counts();
    if (std::exchange(counts.resolved, counts.changes) == counts.changes) {
      return false;
    }
    ++counts.passes;
  }
  bool unknown = false;
  for_each_range(registry, [&](Range& range) {
    range.fork_policy_asked = range.fork_policy == ForkPolicy::kUnknown;
    range.fork_notifies = false;
    unknown = unknown || range.fork_policy_asked;
  });
  return unknown;
}

}  // namespace

std::int64_t time_to_pass_ns(const ForkPolicyCounts& counts, std::uint64_t now_ns) {
  if (counts.changes == counts.resolved) {
    return -1;
  }
  const std::uint64_t settled_ns = counts.changed_ns + kSettledAfterNs;
  return now_ns < settled_ns ? static_cast<std::int64_t>(settled_ns - now_ns) : 0;
}

ForkPolicyCounts fork_policy_counts(Registry& registry) {
  const std::lock_guard lock(registry.lock());
  return registry.fork_policy_counts();
}

void resolve_fork_policies(Registry& registry) {
  const std::lock_guard resolving(resolving_lock);
  if (!ask_unknown(registry)) {
    return;
  }
  for_each_vma_with_flags([&](const Vma& vma, std::string_view flags) {
    if (fork_notifies(flags)) {
      const std::lock_guard lock(registry.lock());
      registry.host_tree().for_each_overlap(
          vma.begin, vma.end - 1, [](IntervalNode& node) { range_of(node).fork_notifies = true; });
    }
  });
  for_each_range(registry, [](Range& range) {
    // A change meanwhile has taken `asked` back.
    if (range.fork_policy_asked) {
      range.fork_policy = range.fork_notifies ? ForkPolicy::kNotified : ForkPolicy::kNotNotified;
      range.fork_policy_asked = false;
    }
  });
}

bool forget_fork_policy(Registry& registry, std::span<const Interval> intervals) {
  std::uint64_t forgotten = 0;
  const std::lock_guard lock(registry.lock());
  for (const Interval& interval : intervals) {
    if (interval.begin >= interval.end) {
      continue;
    }
    registry.host_tree().for_each_overlap(interval.begin, interval.end - 1,
                                          [&](IntervalNode& node) {
                                            Range& range = range_of(node);
                                            range.fork_policy = ForkPolicy::kUnknown;
                                            range.fork_policy_asked = false;
                                            ++forgotten;
                                          });
  }
  if (forgotten != 0) {
    registry.note_unknown_fork_policies(forgotten);
  }
  return forgotten != 0;
}

}  // namespace softgpu
