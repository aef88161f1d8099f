// SPDX-License-Identifier: MIT
// Job B on device 1 waits for job A on device 0, while a call changes the memory of A, of B or of
// both: what the caller pays for jobs that it has never heard of, and what B pays for the call.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case.hpp"

namespace notifier {

struct FenceOptions {
  std::uint32_t events = 20;
  std::uint64_t size_bytes = 4 << 20;
  std::uint64_t seed = 0;
  std::vector<std::uint64_t> jobs_ms{1, 5, 20};
};

/// Whose memory the call changes; kNeither is the reference, a call that touches no memory.
enum class Invalidated { kNeither, kA, kB, kBoth };
std::string_view to_string(Invalidated invalidated);

/// All events of one point.
struct FencePoint {
  Recovery recovery = Recovery::kPreempt;
  Invalidated invalidated = Invalidated::kNeither;
  std::uint64_t job_ms = 0;
  std::vector<double> call_ns;
  std::vector<double> chain_ns;       // from A's begin to B's end
  std::uint32_t ended_at_return = 0;  // events in which A and B had ended when the call returned
  std::uint64_t violations = 0;
};

/// Measures each point of the recovery that this process was started for. Throws HipError and
/// std::runtime_error, CannotPerform when there is no second device.
std::vector<FencePoint> measure_fence_chain(const FenceOptions& options, Recovery recovery);

/// What a process of one recovery hands to its parent, and back. Throws std::invalid_argument.
std::string to_text(const FencePoint& point);
FencePoint fence_point_from_text(const std::string& line);

/// The table, and below it whether each recovery's call is bounded.
std::string fence_chain_markdown(std::span<const FencePoint> points);
std::string fence_chain_csv(std::span<const FencePoint> points);

}  // namespace notifier
