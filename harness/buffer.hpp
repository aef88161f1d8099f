// SPDX-License-Identifier: MIT
// The memory a case works on, and what is known about how the device reaches it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "harness/case.hpp"

namespace notifier {

/// What a forked child finds where this memory is in the parent.
enum class ChildView {
  kNothing,  // no mapping (MADV_DONTFORK)
  kCopy,     // private: what the parent had at the fork
  kZeros,    // MADV_WIPEONFORK
  kSame      // shared with the parent
};

std::string_view to_string(ChildView view);

/// One allocation of a case's memory kind, registered with the device. Backing made and policy
/// applied, content undefined. Released on destruction, which on a real device waits for running
/// kernels.
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
  /// From VmFlags (kfd_facts §0.15); only memory that is copied makes fork notify (§0.13).
  ChildView child_view() const { return child_view_; }

  /// Why the kernel no longer gives what the case names (huge pages split, pages in swap); empty
  /// when it does. Reads smaps: never while time is taken.
  virtual std::string backing_mismatch() const { return ""; }
  /// Maps a part of the memory anew in place, with the same backing. Throws std::system_error.
  virtual void map_again(std::byte* begin, std::size_t size_bytes);
  /// Takes all pages out of the file behind the memory, and gives it its length back. Throws
  /// std::system_error.
  virtual void empty_file();
  /// Drops all pages, so that the next use finds fresh ones of the case's backing. Throws
  /// std::system_error.
  virtual void rebuild();
  /// Gives advice back that map_again() or a perturbation has dropped.
  virtual void prepare_again(std::byte*, std::size_t) {}

 protected:
  Buffer() = default;
  std::byte* host_ = nullptr;
  std::uint64_t* device_ = nullptr;
  std::size_t size_bytes_ = 0;
  MemoryPath path_ = MemoryPath::kVram;
  ChildView child_view_ = ChildView::kNothing;
};

/// Throws CannotPerform where the machine lacks the backing, HipError or std::system_error when the
/// memory cannot be had or registered.
std::unique_ptr<Buffer> allocate_buffer(const Case& wanted);

}  // namespace notifier
