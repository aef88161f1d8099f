// SPDX-License-Identifier: MIT
// Runs the persistent workload kernel on one buffer and talks to it while it runs.
#pragma once

#include <hip/hip_runtime.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include "harness/buffer.hpp"
#include "harness/integrity.hpp"
#include "harness/job_feeder.hpp"
#include "kernels/workload.hpp"

namespace notifier {

/// Range of words, [begin, end).
struct WordRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// What a wave had reported at one moment.
struct WaveProgress {
  std::uint64_t iterations = 0;
  std::uint64_t passes = 0;
  std::uint64_t last_clock_ticks = 0;
  std::uint64_t gaps_recorded = 0;
  std::uint64_t longest_gap_ticks = 0;
  std::uint64_t longest_gap_start_ticks = 0;
};

/// Waves that made no progress for the patience of a wait.
class WorkloadStuck : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct WorkloadOptions {
  WorkloadGrid grid{1, 1};
  std::uint64_t gap_capacity = 4096;  // records per wave
  std::uint64_t deadline_ticks = 0;   // device-clock ticks until the kernel ends by itself
  std::uint64_t gap_threshold_ticks = 0;
  std::uint64_t allowed_outcomes = 0;  // AllowedOutcome bits, in all of the buffer from the start
  std::uint64_t job_ticks = 0;         // not 0: a chain of jobs of this length, not one kernel
  bool full_context = false;           // not with jobs: the kernel that holds much beside the sweep
  RecordIdentity identity;
  std::chrono::milliseconds patience{20'000};
};

/// Host memory that kernel and host share, outside of every perturbation: not copied by fork.
class ControlMemory {
 public:
  explicit ControlMemory(std::size_t size_bytes);
  ~ControlMemory();
  ControlMemory(const ControlMemory&) = delete;
  ControlMemory& operator=(const ControlMemory&) = delete;
  std::byte* host() const { return host_; }
  std::byte* device() const { return device_; }

 private:
  std::byte* host_ = nullptr;
  std::byte* device_ = nullptr;
};

/// Of a command's words, which running waves may still look at: never a plain assignment.
inline void store(std::uint64_t& word, std::uint64_t value) {
  __atomic_store_n(&word, value, __ATOMIC_RELAXED);
}

/// One launch of the workload. Only hipLaunchKernel and reads of host memory happen between launch
/// and stop(), since other HIP calls would wait for the kernel (kfd_facts §0.32).
class WorkloadDriver {
 public:
  /// Fills the buffer with the host's records and allocates control memory; launches nothing.
  WorkloadDriver(Buffer& buffer, const WorkloadOptions& options);
  /// Stops the kernel if it runs.
  ~WorkloadDriver();
  WorkloadDriver(const WorkloadDriver&) = delete;
  WorkloadDriver& operator=(const WorkloadDriver&) = delete;

  void launch();
  /// One job of a chain (job_ticks) and nothing after it; the caller waits for it.
  void submit_job();
  hipStream_t stream() const { return stream_; }
  /// When the last job that has ended made its last progress, by the device's clock; 0: none yet.
  std::uint64_t last_job_end_ticks() const;
  /// Asks the kernel to end and waits for the stream.
  void stop();
  /// Waits for the kernel's own end, at its deadline.
  void join();

  /// Publishes `change` of the command and waits until every wave has acknowledged it. Resets the
  /// longest gap of each wave. Throws WorkloadStuck.
  void command(const std::function<void(Command&)>& change);
  /// Waves stay out of `slice` when this returns.
  void exclude(const WordRange& slice);
  /// Rewrites the excluded slice with fresh host records (from the CPU) and hands it back.
  /// `before_release` runs between the two.
  void hand_back(const WordRange& slice, const std::function<void()>& before_release = {});
  /// Outcomes in `mask` are legitimate inside `slice` from now on.
  void allow(const WordRange& slice, std::uint64_t mask);
  /// The same before anything runs.
  void allow_before_launch(const WordRange& slice, std::uint64_t mask);

  WaveProgress progress(std::uint32_t wave) const;
  std::vector<WaveProgress> all_progress() const;
  /// Waits until each wave has completed `passes` whole passes that began after this call.
  /// `give_up` is polled; the wait ends early, returning false, when it says so.
  bool wait_passes(std::uint64_t passes, const std::function<bool()>& give_up = {});

  /// Gap records of `wave` with numbers [first, last), oldest first; overwritten ones are missing.
  std::vector<GapRecord> gaps(std::uint32_t wave, std::uint64_t first, std::uint64_t last) const;

  struct DeviceFindings {
    ViolationCounts violations;
    std::uint64_t allowed_zeros = 0;
    std::uint64_t words_checked = 0;
    std::vector<ViolationRecord> kept;
  };
  DeviceFindings device_findings() const;

  /// A wrong word as the CPU saw it.
  struct HostViolation {
    ViolationClass kind;
    std::uint64_t word_index;
    std::uint64_t observed;
    PassWindow passes;  // those of the word's wave meanwhile
    std::int64_t raw_ns;
  };
  struct HostFindings {
    ViolationCounts violations;
    std::vector<HostViolation> kept;  // the first kViolationsKeptPerScan
  };
  static constexpr std::size_t kViolationsKeptPerScan = 16;
  /// Reads one line of every `line_stride`th line from the CPU, starting at line `first_line`, and
  /// classifies what is there. Nothing is read from device memory.
  HostFindings scan_from_host(std::uint64_t first_line, std::uint64_t line_stride,
                              const WordRange& left_out, std::uint64_t& words_checked) const;

  std::uint64_t size_words() const { return size_words_; }
  const WorkloadOptions& options() const { return options_; }
  bool running() const { return running_; }
  /// Whether every wave has left the kernel.
  bool ended() const;
  /// Of a chain of jobs: whether one ended at this moment of the device's clock.
  bool job_ended_at(std::uint64_t ticks) const { return feeder_ && feeder_->job_ended_at(ticks); }

 private:
  template <typename T>
  T* host_at(std::size_t offset) const {
    return reinterpret_cast<T*>(control_->host() + offset);
  }
  void fill();
  WorkloadArguments arguments() const;
  JobArguments job_arguments() const;
  void put_allowance(Command& shared, const WordRange& slice, std::uint64_t mask);
  void check_alive(std::uint32_t wave, const char* meanwhile) const;
  void check_line(std::uint64_t line, std::uint64_t wave, const WordRange& left_out,
                  HostFindings& findings) const;

  Buffer& buffer_;
  WorkloadOptions options_;
  std::uint64_t size_words_;
  std::size_t waves_offset_ = 0;
  std::size_t lanes_offset_ = 0;
  std::size_t gaps_offset_ = 0;
  std::size_t saved_offset_ = 0;
  std::unique_ptr<ControlMemory> control_;
  hipStream_t stream_ = nullptr;
  std::unique_ptr<JobFeeder> feeder_;
  bool running_ = false;
  std::uint64_t reset_epoch_ = 0;
  // Passes of each wave when the slice was last handed back: for eight more passes the CPU may
  // still find its own records there.
  std::vector<std::uint64_t> passes_at_reset_;
  WordRange last_reset_;
  WordRange allowed_;
  std::uint64_t allowed_mask_ = 0;
};

}  // namespace notifier
