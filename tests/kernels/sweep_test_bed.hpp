// SPDX-License-Identifier: MIT
// A buffer, its control memory and a scripted host around the workload kernel, on one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "device_primitives.hpp"
#include "kernels/record.hpp"
#include "kernels/workload_job.hpp"

namespace notifier::testing {

inline constexpr std::uint64_t kOwner = kFirstDeviceOwner + 3;
inline constexpr std::uint64_t kSeed = 0x5EED;

struct SweepShape {
  std::uint64_t lines = 8;
  WorkloadGrid grid{1, 1};
  std::uint64_t gap_capacity = 0;
};

/// Runs every lane of the grid to its end, one after the other, through launch_workload(). Each
/// lane meets the same host: the command is put back as it was before it starts.
class SweepTestBed {
 public:
  explicit SweepTestBed(const SweepShape& shape);
  ~SweepTestBed();
  SweepTestBed(const SweepTestBed&) = delete;
  SweepTestBed& operator=(const SweepTestBed&) = delete;

  void run();
  /// The same through launch_workload_full().
  void run_full();
  /// One job of the only lane. The host's polls are counted on from job to job.
  void run_job();

  /// Asks the running lane to leave.
  void stop();
  /// Polls that one pass takes; the first poll of all comes before the first visit.
  std::uint64_t polls_per_pass(std::uint32_t wave) const;
  bool is_data(const std::uint64_t* pointer) const;
  std::uint64_t word_of(const std::uint64_t* pointer) const;
  Record host_record(std::uint64_t word, std::uint64_t epoch) const;
  Record device_record(std::uint64_t word, std::uint64_t pass) const;
  std::uint64_t violations() const;

  SweepShape shape;
  std::vector<std::uint64_t> data;
  Command command{};
  std::vector<WaveState> waves;
  std::vector<LaneState> lanes;
  std::vector<GapRecord> gaps;
  std::uint64_t deadline_ticks = ~std::uint64_t{0};

  // The host's part. `poll` counts the lane's looks at the generation from 0, `access` comes before
  // every access, the looks included.
  std::function<void(std::uint64_t poll)> on_poll;
  std::function<void(device::Access, const std::uint64_t*)> on_access;

 private:
  friend hipError_t launch_on_test_bed(const void* kernel, dim3 grid, dim3 block,
                                       void** parameters);
  WorkloadArguments arguments();
  void run_lane(void (*kernel)(WorkloadArguments), const WorkloadArguments& arguments);
  void watch_accesses();

  std::uint64_t polls_ = 0;
  SavedLane saved_{};
  const JobArguments* job_ = nullptr;  // while run_job() runs
};

}  // namespace notifier::testing
