// SPDX-License-Identifier: MIT
// The notifier's hooks: one row per system call that can change what lies behind an address.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "softgpu/core/notifier.hpp"

namespace softgpu {

using SyscallArguments = std::array<std::uint64_t, 6>;

/// What a call will do to memory. Filled without allocating.
struct HookPlan {
  static constexpr std::size_t kMaximumIntervals = 1024;  // UIO_MAXIOV

  std::array<Interval, kMaximumIntervals> intervals;
  std::size_t count = 0;
  InvalidationCause cause = InvalidationCause::kOther;
  bool invalidates = true;
  bool changes_fork_policy = false;  // what fork does with the mapping may be different afterwards

  void add(std::uintptr_t begin, std::uintptr_t size_bytes);
  std::span<const Interval> all() const { return {intervals.data(), count}; }
};

/// Which calls of this number the kernel reports to the supervisor at all.
enum class HookFilter {
  kAlways,
  kWithoutCloneVm,  // clone: not threads, vfork, posix_spawn
  kWithMapFixed,    // mmap: only where it can replace a mapping
  kWithShmRemap,    // shmat: the same
  kWithRealAdvice,  // madvise: not where the advice leaves pages and fork's behaviour alone
  kWithHoles,       // fallocate: where it takes parts of the file away
  kUserfaultfd,     // ioctl: the two of a userfaultfd that change mapped pages
};

struct Hook {
  const char* name;
  long number;
  HookFilter filter;
  bool continued;  // the caller makes the call itself, after the device has stopped
  void (*plan)(const SyscallArguments& arguments, HookPlan& plan);
  /// A form of the call that changes nothing if it fails; null for most. Returns true when it
  /// succeeded and the call is done, with its result.
  bool (*try_harmlessly)(const SyscallArguments& arguments, long& result);
};

std::span<const Hook> all_hooks();

/// Null when no row has this number.
const Hook* find_hook(long number);
const Hook* find_hook(std::string_view name);

/// Advice for madvise that neither takes pages away nor changes what fork does.
std::span<const int> harmless_advice();

/// The requests of HookFilter::kUserfaultfd; newer than some headers.
std::span<const std::uint32_t> userfaultfd_requests();

/// The modes of fallocate that take parts of a file away or move them.
inline constexpr std::uint32_t kFallocateHoles = 0x02 | 0x08 | 0x10 | 0x20;  // linux/falloc.h

/// Makes the call on this thread; -errno on failure.
long execute(long number, const SyscallArguments& arguments);

}  // namespace softgpu
