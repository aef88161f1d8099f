// SPDX-License-Identifier: MIT
// A case: what is measured. Names are those of docs/measurement.md, the same in code, CSV and page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace notifier {

enum class Memory { kUserptr, kManaged, kSystem, kHost, kVram, kPlain };
enum class Backing {
  kAnon,
  kThp,
  kHugetlb,
  kMemfd,
  kSharedAnon,
  kFilePrivate,
  kMthp16KiB,
  kMthp32KiB,
  kMthp64KiB,
  kMthp128KiB,
  kMthp256KiB,
  kMthp512KiB,
  kMthp1MiB,
  kThpPte,
  kThpPartUnmapped,
  kThpPartShared
};
enum class Policy { kDefault, kDontfork, kWipeonfork };
/// What the worker asked for (kfd_facts §7: one process per XNACK mode). What the driver then does
/// is observed: a userptr BO stops the queues with retry faults on as well.
enum class Recovery { kPreempt, kRetryFault, kWaitForJobs, kNone };
/// What the device holds. Full: as many waves as fit, each with registers and local memory of its
/// own to save. Jobs that end by themselves are there only where the device waits for them.
enum class Context { kSmall, kFull, kJob5ms };

/// Length of a job in a context; 0: one kernel that does not end.
std::uint64_t job_ns(Context context);

/// How an allocation really reaches the device; observed at run time (kfd_facts §0.1, §0.2, §0.33).
enum class MemoryPath { kUserptrBo, kSvmRange, kShared, kGtt, kVram, kNoDevice };

/// What the waves do while the memory is perturbed.
enum class Touch {
  kKeeps,        // the kernel goes on using the memory
  kLeavesFirst,  // waves leave the memory and get it back when it is whole again
  kFatal,  // access during or after the call is fatal: not run, or by a worker that dies of it
  kNotApplicable
};

std::string_view to_string(Memory memory);
std::string_view to_string(Backing backing);
std::string_view to_string(Policy policy);
std::string_view to_string(Recovery recovery);
std::string_view to_string(Context context);
std::string_view to_string(MemoryPath path);
std::string_view to_string(Touch touch);

struct Case {
  Memory memory = Memory::kUserptr;
  Backing backing = Backing::kAnon;
  std::string perturbation;
  Policy policy = Policy::kDefault;
  Recovery recovery = Recovery::kPreempt;
  Context context = Context::kSmall;
  std::uint64_t size_bytes = 0;

  /// memory/backing/perturbation/policy/recovery/context/size, e.g.
  /// "userptr/anon/fork_exit/default/preempt/small/4MiB".
  std::string name() const;
};

/// Changes when the meaning of a case's numbers changes; results of other versions do not compare.
inline constexpr int kCaseVersion = 1;

/// Inverse of Case::name(). Empty when a part is unknown or the size does not parse.
std::optional<Case> parse_case(std::string_view name);

/// "64KiB", "4MiB", "1GiB"; exact bytes with suffix "B" where no binary unit divides.
std::string format_size(std::uint64_t size_bytes);

/// Accepts what format_size writes and plain bytes. Empty when malformed or beyond 2^63.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace notifier
