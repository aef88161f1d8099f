// SPDX-License-Identifier: MIT
// What the thunk's memory calls cost, against the size of the memory and against how many ranges
// there are already: the design of the i915 userptr benchmark (IGT
// benchmarks/gem_userptr_benchmark.c), which asks the same of graphics buffers.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/schema.hpp"
#include "bench/thunk_memory.hpp"

namespace notifier {

/// The calls that one event makes, one after the other. kMunmapUnknown is the munmap of memory that
/// the driver has never heard of: what the ranges cost those who have nothing to do with them.
enum class ThunkCall : std::uint8_t { kRegister, kMap, kUnmap, kDeregister, kMunmapUnknown };
inline constexpr std::size_t kThunkCalls = 5;
std::string_view to_string(ThunkCall call);

/// One combination of what the calls' durations may depend on. Gives one case per call.
struct ThunkPoint {
  std::string memory;  // "userptr" or "managed", the bench's words for userptr BO and SVM range
  std::uint64_t size_bytes = 0;
  std::uint32_t standing_ranges = 0;

  /// "userptr/anon/thunk_map/default/none/ranges_100/1MiB".
  std::string case_name(ThunkCall call) const;
};

/// Raised when the meaning of the numbers changes.
inline constexpr int kThunkCaseVersion = 1;

std::vector<ThunkPoint> all_thunk_points();
std::uint32_t usual_events(const ThunkPoint& point);

struct ThunkRequest {
  ThunkPoint point;
  std::uint32_t events = 0;
  std::uint32_t run = 0;
  std::int64_t recording_start_ns = 0;
};

/// One run of one case: identity without what the recording knows, and its samples.
struct ThunkCaseResult {
  analysis::SummaryRow identity;
  std::vector<analysis::SampleRow> samples;
};
using ThunkResult = std::array<ThunkCaseResult, kThunkCalls>;

/// Makes the calls `events` times while the standing ranges are there. What the thunk refuses ends
/// the cases as failed, with the reason and the events that were measured.
ThunkResult run_thunk_point(const ThunkRequest& request, const ThunkRangeKind& kind);

/// Rows without a measurement.
ThunkResult thunk_point_without(const ThunkRequest& request, analysis::Status status,
                                const std::string& reason);

}  // namespace notifier
