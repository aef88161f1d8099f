// SPDX-License-Identifier: MIT
// Keeps a device busy with jobs that end by themselves: a thread submits the next one when the last
// has ended.
#pragma once

#include <hip/hip_runtime.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "kernels/workload_job.hpp"

namespace notifier {

class JobFeeder {
 public:
  /// `saved` is the host's view of the lanes' saved state. Begins with the first job, on the
  /// calling thread's device.
  JobFeeder(const JobArguments& job, const WorkloadGrid& grid, hipStream_t stream,
            const SavedLane* saved);
  /// Waits for the job under way, which must have been asked to end or end by itself.
  ~JobFeeder();
  JobFeeder(const JobFeeder&) = delete;
  JobFeeder& operator=(const JobFeeder&) = delete;

  /// No further job.
  void end() { ending_.store(true, std::memory_order_relaxed); }
  /// Whether one of the last jobs had its last progress at this moment of the device's clock.
  bool job_ended_at(std::uint64_t ticks) const;
  /// Whether a job could not be submitted or has failed; error() then says why.
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  const std::string& error() const { return error_; }

 private:
  void feed();

  static constexpr std::size_t kEndsKept = 256;

  JobArguments job_;
  WorkloadGrid grid_;
  hipStream_t stream_;
  int device_ = 0;
  const SavedLane* saved_;
  std::atomic<bool> ending_{false};
  std::atomic<bool> failed_{false};
  std::string error_;
  std::array<std::atomic<std::uint64_t>, kEndsKept> ends_ticks_{};
  std::thread thread_;
};

}  // namespace notifier
