// SPDX-License-Identifier: MIT
// What softgpu_speed measures, one run at a time.
#pragma once

#include <hip/hip_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/speed_events.hpp"
#include "bench/speed_kernels.hpp"

namespace notifier {

/// One madvise(MADV_DONTNEED) of the page. Throws std::runtime_error when it fails.
TimedEvent time_dontneed(void* page);

/// Anonymous memory that is registered with the device.
class RegisteredMemory {
 public:
  /// Ranges of equal size, each registered by itself; the device's pointer is that of the first.
  explicit RegisteredMemory(std::size_t size_bytes, std::size_t ranges = 1);
  ~RegisteredMemory();
  RegisteredMemory(const RegisteredMemory&) = delete;
  RegisteredMemory& operator=(const RegisteredMemory&) = delete;

  char* host() const { return host_; }
  std::uint64_t* device() const { return device_; }

 private:
  const std::size_t size_bytes_;
  const std::size_t ranges_;
  char* host_ = nullptr;
  std::uint64_t* device_ = nullptr;
};

/// Waves that read and write the first page of the memory until the object goes.
class RunningWaves {
 public:
  RunningWaves(const RegisteredMemory& memory, std::uint32_t waves);
  ~RunningWaves();
  RunningWaves(const RunningWaves&) = delete;
  RunningWaves& operator=(const RunningWaves&) = delete;

  /// Returns when the waves together have made two more sweeps.
  void wait_for_progress() const;

 private:
  std::uint64_t passes() const;

  const std::uint32_t waves_;
  std::uint64_t* control_ = nullptr;  // stop, then passes of each wave
  hipStream_t stream_ = nullptr;
};

AccessTicks time_accesses(const RegisteredMemory& memory);

/// From the request to stop to the acknowledgement of all waves.
std::vector<TimedEvent> time_parking(const RunningWaves& waves, const SpeedBudget& budget);

/// From pthread_kill to the handler's acknowledgement, of a thread that works on memory of its own.
std::vector<TimedEvent> time_signal_stop(const SpeedBudget& budget);

/// A notified call on the page; the next one comes settled_ns after the waves run again. At once
/// the restore worker is still awake, and has not to be woken by the call.
std::vector<TimedEvent> time_notified(char* page, const RunningWaves& waves,
                                      std::int64_t settled_ns, const SpeedBudget& budget);

/// Calls on the job's page, at moments of its run that are spread evenly over its length: the wait
/// for its end is then uniform from 0 to its length. With a length of 0 the job has ended before
/// the call. The device must wait for jobs.
std::vector<TimedEvent> time_job_waits(const RegisteredMemory& memory, std::uint64_t job_ns,
                                       std::uint64_t seed, const SpeedBudget& budget);

}  // namespace notifier
