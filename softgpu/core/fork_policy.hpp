// SPDX-License-Identifier: MIT
// Does fork notify a range's mapping? Only private mappings that may be written and are not
// MADV_DONTFORK or MADV_WIPEONFORK are copied, and so write-protected (kernel mm/memory.c
// copy_page_range, vma_needs_copy). /proc/self/smaps says so for every mapping, whoever made it;
// since reading it walks the page tables, the answer is kept until a call may have changed it.
#pragma once

#include <cstdint>
#include <span>

#include "softgpu/core/registry.hpp"

namespace softgpu {

/// A pass looks at every mapping and range, so it waits for the end of a series of registrations.
inline constexpr std::uint64_t kSettledAfterNs = 1'000'000;  // many of them long, no event's length

/// CLOCK_MONOTONIC ns until resolve_fork_policies() is due, unless more change; negative: it is not
/// needed.
std::int64_t time_to_pass_ns(const ForkPolicyCounts& counts, std::uint64_t now_ns);

ForkPolicyCounts fork_policy_counts(Registry& registry);

/// Reads smaps if some range's policy is not known. Does not allocate; takes the registry lock, not
/// across system calls.
void resolve_fork_policies(Registry& registry);

/// The mappings in these intervals have changed. True if a range's policy is unknown now.
bool forget_fork_policy(Registry& registry, std::span<const Interval> intervals);

}  // namespace softgpu
