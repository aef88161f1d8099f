// SPDX-License-Identifier: MIT
// All ranges of the process, by host address (what notifiers name) and device address (what waves
// name), and their page tables.
#pragma once

#include <mutex>
#include <optional>

#include "softgpu/core/interval_tree.hpp"
#include "softgpu/core/range.hpp"
#include "softgpu/kernel/wave_context.hpp"

namespace softgpu {

enum class Access { kRead, kWrite };

/// Why a device address has no translation.
enum class TranslationFault {
  kNotMapped,   // no range, or a page that is gone: fatal
  kReadOnly,    // a write where only reads are allowed: fatal
  kInvalidated  // a page under invalidation: the wave must not get here while it runs
};

struct TranslationResult {
  std::optional<TranslationFault> fault;
  Translation translation{};
};

/// What fork_policy.cpp counts.
struct ForkPolicyCounts {
  std::uint64_t changes = 0;     // a range's policy has become unknown
  std::uint64_t changed_ns = 0;  // CLOCK_MONOTONIC of the last
  std::uint64_t resolved = 0;    // changes before the last pass
  std::uint64_t passes = 0;      // over smaps and all ranges
};

/// Lock order: notifier lock, then registry lock. The registry lock is a leaf; nobody allocates or
/// makes a system call other than futex while holding it, since the supervisor takes it while
/// threads of the program are held inside malloc.
class Registry {
 public:
  std::mutex& lock() { return lock_; }

  // The caller holds lock() for all of these.
  void insert(Range& range);
  void erase(Range& range);
  TranslationResult translate(std::uintptr_t device_address, Access access) const;
  Range* find_device(std::uintptr_t device_address) const;

  /// What a device or a host pointer names.
  Range* find(std::uintptr_t pointer) const;

  /// The range that `pointer` lies in: a host pointer of a registration or allocation.
  Range* find_host(std::uintptr_t pointer) const;

  /// True when the bytes [pointer, pointer + size) belong to a range already.
  bool overlaps_bytes(std::uintptr_t pointer, std::size_t size_bytes) const;

  ForkPolicyCounts& fork_policy_counts() { return fork_policy_counts_; }
  void note_unknown_fork_policies(std::uint64_t more);

  const IntervalTree& host_tree() const { return host_tree_; }
  const IntervalTree& device_tree() const { return device_tree_; }

 private:
  std::mutex lock_;
  IntervalTree host_tree_;
  IntervalTree device_tree_;
  ForkPolicyCounts fork_policy_counts_;
};

inline Range& range_of(const IntervalNode& node) { return *static_cast<Range*>(node.owner); }

}  // namespace softgpu
