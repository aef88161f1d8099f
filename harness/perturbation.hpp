// SPDX-License-Identifier: MIT
// What can happen to the memory: one table row and one function per perturbation.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "harness/case.hpp"
#include "harness/child_board.hpp"

namespace notifier {

enum class Scope {
  kNothing,    // no memory operation at all
  kProcess,    // the whole address space: fork and its relatives
  kRange,      // the workload's own memory
  kNeighbour,  // memory beside the workload's
};

/// What one event works on and leaves behind. Filled by the sampler, used by the row's functions.
struct EventContext {
  std::byte* slice = nullptr;  // perturbed part of the workload's memory (host address)
  std::size_t slice_bytes = 0;
  std::uint64_t slice_begin_word = 0;  // its first word's index in the buffer
  std::uint64_t seed = 0;
  std::uint64_t owner = 0;         // of the device's records
  bool child_sees_memory = false;  // private or shared mapping that a child inherits
  ChildBoard* board = nullptr;

  std::byte* spare = nullptr;  // address range that the row maps beside or instead of the slice
  pid_t child = 0;
  std::uint64_t passes_at_return = 0;  // most passes any wave had completed when the call returned
  std::int64_t enter_ns = 0;           // CLOCK_MONOTONIC_RAW around the perturbing call
  std::int64_t leave_ns = 0;
  std::uint64_t involuntary_switches = 0;  // of the calling thread, between enter and leave
};

/// Thrown by prepare functions: here and now the row cannot be performed, which is no failure.
class CannotPerform : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Perturbation {
  std::string_view name;
  std::string_view summary;
  Scope scope;
  std::uint64_t allowed_mask;   // AllowedOutcome bits that the kernel may see
  std::uint64_t minimum_bytes;  // smallest slice that the call accepts
  bool rebuilds;                // events change the backing; it is rebuilt after each
  bool hazardous;               // on a real GPU; opt-in there, reason in `hazard`
  std::string_view hazard;
  int evictions;                      // expected per event: registered, private, inherited by fork
  std::string_view evictions_source;  // kernel function that notifies, or why none does
  void (*prepare)(EventContext&);     // before the window; may be null
  void (*perform)(EventContext&);     // the call, timed
  void (*finish)(EventContext&);      // after the window: join children, undo, verify; may be null
};

std::span<const Perturbation> perturbations();
/// Null when there is none of that name.
const Perturbation* find_perturbation(std::string_view name);

/// How the waves must behave for this case, and why it is not run when they cannot.
struct TouchRule {
  Touch touch = Touch::kKeeps;
  std::string reason;  // for kFatal and kNotApplicable
};
TouchRule touch_rule(const Case& wanted, const Perturbation& perturbation, MemoryPath path);

/// Evictions expected per event; perturbations of memory that no child inherits or that no notifier
/// watches cause none (kfd_facts §1 "Not evicted").
int expected_evictions(const Perturbation& perturbation, MemoryPath path, bool inherited_by_fork);

/// The path an allocation takes where nothing has been observed yet (for listing).
MemoryPath usual_path(Memory memory);

}  // namespace notifier
