// SPDX-License-Identifier: MIT
// What can happen to the memory: one table row and one function per perturbation.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "harness/buffer.hpp"
#include "harness/cannot_perform.hpp"
#include "harness/case.hpp"
#include "harness/child_board.hpp"
#include "harness/driver_event.hpp"

namespace notifier {

enum class Scope {
  kNothing,    // no memory operation at all
  kProcess,    // the whole address space: fork and its relatives
  kRange,      // the workload's own memory
  kNeighbour,  // memory beside the workload's
  kSystem,     // the whole machine's memory, without naming any
};

/// What the operation takes away from the memory's content.
enum class Loss {
  kNothing,
  kPrivatePages,  // what only this mapping held; a shared file keeps its content
  kMapping,       // all of it, except what a file mapped in its place brings back
  kEverything
};

/// What becomes of an SVM range. Ranges that a retry fault makes (memory of the program's own) come
/// again with the next fault; registered ones do not.
enum class SvmFate {
  kSurvives,
  kEnds,          // with its mapping (kfd_facts §0.8, §0.12)
  kFollowsRights  // remapped with the mapping's rights (kfd_facts §0.11)
};

inline constexpr std::size_t kMostChildren = 8;

/// What one event works on and leaves behind. Filled by the sampler, used by the row's functions.
struct EventContext {
  Buffer* buffer = nullptr;
  std::byte* slice = nullptr;  // perturbed part of the workload's memory (host address)
  std::size_t slice_bytes = 0;
  std::uint64_t slice_begin_word = 0;  // its first word's index in the buffer
  std::uint64_t seed = 0;
  std::uint64_t owner = 0;  // of the device's records
  ChildView child_view = ChildView::kNothing;
  ChildBoard* board = nullptr;

  std::byte* spare = nullptr;  // address range that the row maps beside or instead of the slice
  std::size_t spare_bytes = 0;
  int target_node = -1;             // NUMA node that pages are to go to
  std::uint64_t pages_moved = 0;    // by the kernel itself, which the software GPU cannot see
  std::shared_ptr<void> own;        // what the row alone knows, from prepare to finish
  std::int64_t counter_before = 0;  // of the kernel's, where the row proves by one what happened
  std::array<pid_t, kMostChildren> children{};  // 0: none
  std::int64_t child_end_ns = 0;       // CLOCK_MONOTONIC_RAW when a child had been waited for
  std::uint64_t passes_at_return = 0;  // most passes any wave had completed when the call returned
  std::int64_t enter_ns = 0;           // CLOCK_MONOTONIC_RAW around the perturbing call
  std::int64_t leave_ns = 0;
  std::optional<double> first_write_ns;    // of the CPU, to one page, where the row makes one
  std::uint64_t involuntary_switches = 0;  // of the calling thread, between enter and leave
};

/// An event on all of `buffer`, with a cleared board.
EventContext whole_buffer_event(Buffer& buffer, ChildBoard& board, std::uint64_t seed);

/// A setting of the whole machine that a row needs, by its name in system_settings.hpp.
struct SettingWanted {
  std::string_view name;
  std::string_view value;
};

/// Bits of Perturbation::backings.
constexpr unsigned bit(Backing backing) { return 1U << static_cast<unsigned>(backing); }
inline constexpr unsigned kEveryBacking = ~0U;

/// More than anybody counts: KFD hears of each page.
inline constexpr int kAnyNumberOfEvictions = 1'000;

/// Where the software GPU evicts otherwise than KFD.
struct SoftgpuDifference {
  int evictions = 0;  // per event, exactly
  std::string_view reason;
};

/// How a row shows that its operation really happened: a call that returns success may have done
/// nothing at all (MADV_FREE of pages that were freed before). One of the two texts, and functions
/// where neither the row's own nor the driver's events check what the first one says.
struct Proof {
  std::string_view shown_by = "";
  std::string_view impossible = "";         // why nothing can tell
  bool by_zeros_read = false;               // by the device, where the content goes
  void (*before)(EventContext&) = nullptr;  // the last thing before the window
  bool (*after)(EventContext&) = nullptr;   // once the window is closed, before `finish`
};

/// One row. What a row does not name is the usual: nothing lost, the kernel goes on using the
/// memory.
struct Perturbation {
  std::string_view name;
  std::string_view summary;
  Scope scope = Scope::kNothing;
  Loss loss = Loss::kNothing;
  std::uint64_t minimum_pages =
      0;  // smallest memory that the call accepts, in pages of the backing
  unsigned backings = kEveryBacking;
  std::string_view backings_reason = "";  // why the others are left out
  bool needs_dontfork = false;  // only with a policy that keeps the memory out of children
  bool leaves_first = false;    // userptr: waves leave, access meanwhile would be fatal
  SvmFate svm_fate = SvmFate::kSurvives;
  bool rebuilds = false;  // events change the backing; it is rebuilt after each
  // Managed memory that moves to or from the device: what the driver must say of it.
  std::optional<MigrateTrigger> migration = std::nullopt;
  // Calls HIP functions that wait for what runs: only beside jobs that end by themselves.
  bool waits_for_work = false;
  bool ends_process = false;  // runs in a worker of its own, whose death is the event
  std::span<const SettingWanted> settings = {};
  std::string_view hazard = "";  // on a real GPU, opt-in there; empty: none
  int evictions = 0;             // per event: registered, private, inherited by fork
  int evictions_most = 0;        // where several may fall together; 0: exactly `evictions`
  std::string_view evictions_source = "";  // kernel function that notifies, or why none does
  std::optional<SoftgpuDifference> on_softgpu = std::nullopt;
  std::string_view misleads = "";            // when the numbers say something else than one thinks
  Proof proof = {};                          // a row without one fails a test
  void (*prepare)(EventContext&) = nullptr;  // before the window
  void (*perform)(EventContext&) = nullptr;  // the call, timed
  void (*finish)(EventContext&) = nullptr;   // after it: join children, undo, verify
};

std::span<const Perturbation> perturbations();
/// Null when there is none of that name.
const Perturbation* find_perturbation(std::string_view name);

/// Throws CannotPerform unless the driver's events of the window tell of the row's migration: all
/// of the memory for a prefetch, some of it for a touch.
void require_migration(const Perturbation& row, const EventContext& event,
                       std::span<const DriverEvent> driver_events);

/// How the waves must behave for this case, and why it is not run when they cannot.
struct TouchRule {
  Touch touch = Touch::kKeeps;
  std::string reason;  // for kFatal and kNotApplicable
};
/// Whether a case with this rule is run at all.
bool can_run(const TouchRule& rule, const Perturbation& perturbation);
TouchRule touch_rule(const Case& wanted, const Perturbation& perturbation, MemoryPath path);

/// AllowedOutcome bits: what the kernel may see besides what it stored.
std::uint64_t allowed_outcomes(const Perturbation& perturbation, Backing backing);

/// How the device reaches a case's memory; what it must do about an invalidation follows.
struct Reach {
  MemoryPath path = MemoryPath::kUserptrBo;
  Recovery recovery = Recovery::kPreempt;
  bool copied_by_fork = false;

  /// Queues run on and waves fault (kfd_facts §2, branch B).
  bool retries() const {
    return path == MemoryPath::kSvmRange && recovery == Recovery::kRetryFault;
  }
};

/// Whether a notifier tells the device of the event: not for memory that no child inherits, nor
/// where no notifier watches (kfd_facts §1 "Not evicted").
bool invalidates(const Perturbation& perturbation, const Reach& reach);

/// Least and most evictions expected per event.
struct ExpectedEvictions {
  int least = 0;
  int most = 0;
};
ExpectedEvictions expected_evictions(const Perturbation& perturbation, const Reach& reach);
/// The same of the software GPU.
ExpectedEvictions expected_on_softgpu(const Perturbation& perturbation, const Reach& reach);

/// What can be said before anything has been observed (for listing).
MemoryPath usual_path(Memory memory);
Reach usual_reach(const Case& wanted);

}  // namespace notifier
