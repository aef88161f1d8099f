// SPDX-License-Identifier: MIT
#include "harness/job_feeder.hpp"

#include <algorithm>

#include "harness/hip_check.hpp"

namespace notifier {

JobFeeder::JobFeeder(const JobArguments& job, const WorkloadGrid& grid, hipStream_t stream,
                     const SavedLane* saved)
    : job_(job), grid_(grid), stream_(stream), saved_(saved) {
  HIP_CHECK(hipGetDevice(&device_));
  thread_ = std::thread([this] { feed(); });
}

JobFeeder::~JobFeeder() {
  end();
  thread_.join();
}

void JobFeeder::feed() {
  try {
    HIP_CHECK(hipSetDevice(device_));  // a thread begins with the first
    for (std::size_t jobs = 0; !ending_.load(std::memory_order_relaxed); ++jobs) {
      HIP_CHECK(launch_workload_job(job_, grid_, stream_));
      HIP_CHECK(hipStreamSynchronize(stream_));
      ends_ticks_[jobs % kEndsKept].store(saved_->last_stamp_ticks, std::memory_order_relaxed);
    }
  } catch (const std::exception& failure) {
    error_ = failure.what();
    failed_.store(true, std::memory_order_release);
  }
}

bool JobFeeder::job_ended_at(std::uint64_t ticks) const {
  return std::any_of(ends_ticks_.begin(), ends_ticks_.end(), [&](const auto& end_ticks) {
    return end_ticks.load(std::memory_order_relaxed) == ticks;
  });
}

}  // namespace notifier
