// SPDX-License-Identifier: MIT
// The graphics path: finite jobs on a userptr buffer, with fences. Its MMU notifier waits for the
// jobs (amdgpu_hmm.c amdgpu_hmm_invalidate_gfx, kfd_facts §3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace notifier::graphics {

/// The driver refused: which call, on what, and its error.
class DriverError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Memory of the process's own that the GPU reaches.
class UserBuffer {
 public:
  virtual ~UserBuffer() = default;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;
  /// "rocm" is KFD's path; this is "graphics".
  virtual std::unique_ptr<UserBuffer> attach(std::byte* begin, std::size_t size_bytes) = 0;
  /// Starts a job that fills the buffer with `value`, `passes` times; returns its fence. The driver
  /// looks the buffer's pages up anew where a notifier has told it to.
  virtual std::uint64_t submit(UserBuffer& buffer, std::uint32_t value, std::uint32_t passes) = 0;
  /// Most passes over the buffer that fit into one job.
  virtual std::uint32_t most_passes(std::size_t size_bytes) const = 0;
  /// Whether the job has ended, after waiting for it for at most so long.
  virtual bool wait(std::uint64_t fence, std::uint64_t timeout_ns) = 0;
};

/// The first amdgpu render node with a DMA engine, by libdrm_amdgpu. Throws std::runtime_error with
/// what is missing.
std::unique_ptr<Device> open_amdgpu();

}  // namespace notifier::graphics
