// SPDX-License-Identifier: MIT
// The memory a case works on, and what is known about how the device reaches it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "harness/case.hpp"

namespace notifier {

/// One allocation of a case's memory kind, registered with the device. Base pages, policy applied,
/// content undefined. Released on destruction, which on a real device waits for running kernels.
class Buffer {
 public:
  virtual ~Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  /// CPU address; null for device memory.
  std::byte* host() const { return host_; }
  /// Address for kernels.
  std::uint64_t* device() const { return device_; }
  std::size_t size_bytes() const { return size_bytes_; }
  MemoryPath path() const { return path_; }
  /// Whether a forked child gets a copy (VmFlags without `dc` and `sh`, kfd_facts §0.15).
  bool inherited_by_fork() const { return inherited_by_fork_; }

 protected:
  Buffer() = default;
  std::byte* host_ = nullptr;
  std::uint64_t* device_ = nullptr;
  std::size_t size_bytes_ = 0;
  MemoryPath path_ = MemoryPath::kVram;
  bool inherited_by_fork_ = false;
};

/// Throws HipError or std::system_error when the memory cannot be had or registered.
std::unique_ptr<Buffer> allocate_buffer(Memory memory, Policy policy, std::size_t size_bytes);

}  // namespace notifier
