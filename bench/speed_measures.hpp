// SPDX-License-Identifier: MIT
// What softgpu_speed measures. Each function returns one run's median.
#pragma once

#include <hip/hip_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace notifier {

double median_of(std::vector<double> values);

/// ns of one madvise(MADV_DONTNEED) of the page.
double time_dontneed(void* page);

/// Anonymous memory that is registered with the device, never given back.
class RegisteredMemory {
 public:
  explicit RegisteredMemory(std::size_t size_bytes);

  char* host() const { return host_; }
  std::uint64_t* device() const { return device_; }

 private:
  char* host_ = nullptr;
  std::uint64_t* device_ = nullptr;
};

/// Registers so many further ranges of one page each.
void register_pages(std::size_t count);

/// Waves that read and write the first page of the memory until the object goes.
class RunningWaves {
 public:
  RunningWaves(const RegisteredMemory& memory, std::uint32_t waves);
  ~RunningWaves();
  RunningWaves(const RunningWaves&) = delete;
  RunningWaves& operator=(const RunningWaves&) = delete;

  /// Returns when the first wave has made two more sweeps.
  void wait_for_progress() const;

 private:
  std::uint64_t* control_ = nullptr;  // stop, then passes of each wave
  hipStream_t stream_ = nullptr;
};

struct AccessTimes {
  double through_mmu_ns;  // of one load and one store
  double plain_ns;
};
AccessTimes time_accesses(const RegisteredMemory& memory, std::uint64_t times);

/// From the request to the acknowledgement of all waves.
double time_parking(const RunningWaves& waves, int events);

/// From pthread_kill to the handler's acknowledgement, of a thread that works on memory of its own.
double time_signal_stop(int events);

/// A notified call on the memory's last page; the next one comes when the waves run again.
double time_notified(const RegisteredMemory& memory, std::size_t size_bytes,
                     const RunningWaves& waves, int events);

}  // namespace notifier
