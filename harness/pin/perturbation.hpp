// SPDX-License-Identifier: MIT
// What happens to memory that an actor holds: one table row and one function per perturbation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "harness/pin/actor.hpp"
#include "harness/pin/child.hpp"
#include "harness/pin/outcome.hpp"
#include "harness/pin/region.hpp"

namespace notifier::pin {

/// What one event works on; filled by run_event(), used by the row's functions.
struct Event {
  Region* region = nullptr;
  Region* control = nullptr;  // the same memory without an actor, for rows that try to move pages
  Direction direction = Direction::kDeviceWrites;
  std::uint64_t seed = 0;

  std::unique_ptr<Child> child;
  bool forked = false;
  // Where the process sees the memory; null where it has none any more.
  std::byte* view = nullptr;
  std::byte* second_view = nullptr;  // mremap with MREMAP_DONTUNMAP leaves an empty one behind
  bool writable = true;
  std::optional<double> call_ns;
  // Whether the pages went elsewhere; set by rows that can tell without page frame numbers.
  std::optional<bool> region_moved;
  std::optional<bool> control_moved;
};

/// Who writes to the memory first after the perturbation, before the device does.
enum class FirstWriter : std::uint8_t { kNobody, kProcess, kChild };

/// The outcome that each kind of hold is to have, on kernels from the actor's `expected_since` on.
struct Expected {
  Outcome pin;
  Outcome reference;
  Outcome nothing_writes;  // nothing held, the device writes
  Outcome nothing_reads;
};

struct PerturbationRow {
  std::string_view name;
  std::string_view policy;  // default, dontfork or wipeonfork
  std::string_view summary;
  std::string_view source;  // kernel function that decides the outcome
  bool forks = false;
  bool on_all_pages = false;   // also with the pages of selftests/mm/cow.c, not only plain ones
  bool moves = false;          // tries to move pages; compared with an unpinned control
  bool whole_machine = false;  // works on the memory of all processes
  std::size_t area_bytes = 0;  // that the call needs around the held range
  FirstWriter first_writer = FirstWriter::kNobody;
  Expected expected;
  // Of a reference to a page of the huge page pool, where it differs: there the number of mappings
  // decides whether a page is shared, and references do not count (mm/hugetlb.c hugetlb_wp).
  std::optional<Outcome> hugetlb_reference = std::nullopt;
  std::string (*cannot_run)() = nullptr;  // the reason, or an empty text
  void (*before)(Event&) = nullptr;       // before the actor attaches
  void (*perform)(Event&) = nullptr;      // the perturbation; times its call
  void (*undo)(Event&) = nullptr;         // after the device's access, so that one can look
};

std::span<const PerturbationRow> perturbations();
/// Null when there is none of that name and policy.
const PerturbationRow* find_perturbation(std::string_view name, std::string_view policy);

Outcome expected_outcome(const PerturbationRow& row, Hold hold, Direction direction,
                         Backing backing);

}  // namespace notifier::pin
