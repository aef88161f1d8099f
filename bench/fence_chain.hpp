// SPDX-License-Identifier: MIT
// Job B on device 1 waits for job A on device 0, while a call changes the memory of A, of B or of
// both: what the caller pays for jobs that it has never heard of, and what B pays for the call.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case.hpp"
#include "harness/integrity.hpp"

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
  std::uint64_t size_bytes = 4 << 20;
  std::string skipped;                 // why there are no events; empty: there are
  std::string failed;                  // the same
  std::vector<std::int64_t> enter_ns;  // of the call, CLOCK_MONOTONIC_RAW
  std::vector<double> call_ns;
  std::vector<double> chain_ns;       // from A's begin to B's end
  std::uint32_t ended_at_return = 0;  // events in which A and B had ended when the call returned
  ViolationCounts violations;
  std::uint64_t words_checked = 0;
};

/// Each point of a recovery without its events: what a process that cannot run it hands back.
std::vector<FencePoint> fence_points(const FenceOptions& options, Recovery recovery);

/// The device as a recording names it.
struct FenceDevice {
  std::string platform;
  std::string name;
};

/// Measures each point of the recovery that this process was started for. Throws HipError and
/// std::runtime_error, CannotPerform when there is no second device.
std::vector<FencePoint> measure_fence_chain(const FenceOptions& options, Recovery recovery,
                                            FenceDevice& device);

/// What a process of one recovery hands to its parent, and back. Throws std::invalid_argument.
std::string to_text(const FenceDevice& device);
FenceDevice fence_device_from_text(const std::string& line);
std::string to_text(const FencePoint& point);
FencePoint fence_point_from_text(const std::string& line);

/// Median of the chain's length where no memory was changed, of the same recovery and job length.
std::optional<double> chain_without_call_ns(std::span<const FencePoint> points,
                                            const FencePoint& point);

/// The table, and below it whether each recovery's call is bounded.
std::string fence_chain_markdown(std::span<const FencePoint> points);
std::string fence_chain_csv(std::span<const FencePoint> points);

}  // namespace notifier
