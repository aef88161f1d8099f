// SPDX-License-Identifier: MIT
// Memory made known to the GPU by the thunk alone, without HIP: each step by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench/plain_memory.hpp"
#include "harness/case.hpp"

namespace notifier {

/// The thunk refused: which call, on how much, with what status.
class ThunkError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// libhsakmt, opened, and the node of its first GPU.
class Thunk {
 public:
  /// Asks for userptr BOs where the runtime would make SVM ranges (HSA_USE_SVM=0, kfd_facts §0.1),
  /// unless the variable is set. Throws std::runtime_error with what is missing.
  Thunk();
  ~Thunk();
  Thunk(const Thunk&) = delete;
  Thunk& operator=(const Thunk&) = delete;

  std::uint32_t node() const { return node_; }
  const std::string& node_name() const { return node_name_; }
  /// "software" or "rocm".
  std::string_view platform() const;
  bool has_svm() const { return has_svm_; }

 private:
  void find_gpu();

  std::uint32_t node_ = 0;
  std::string node_name_;
  bool has_svm_ = false;
};

/// How the driver is told of memory.
class ThunkRangeKind {
 public:
  virtual ~ThunkRangeKind() = default;
  virtual void register_memory(std::byte* begin, std::size_t size_bytes) const = 0;
  /// The address by which the GPU reaches it.
  virtual std::uint64_t map(std::byte* begin, std::size_t size_bytes) const = 0;
  virtual void unmap(std::byte* begin, std::size_t size_bytes) const = 0;
  /// The driver forgets the memory. Afterwards it may be gone from the CPU, too.
  virtual void deregister(std::byte* begin, std::size_t size_bytes) const = 0;
  /// Whether deregister() is the munmap of the memory: an SVM range has no other end.
  virtual bool ends_with_mapping() const = 0;
};

/// hsaKmtRegisterMemoryWithFlags and its relatives: one KFD ioctl or two each.
std::unique_ptr<ThunkRangeKind> make_userptr_kind(const Thunk& thunk);
/// hsaKmtSVMSetAttr, whose attributes give access and take it.
std::unique_ptr<ThunkRangeKind> make_svm_kind(const Thunk& thunk);

/// Ranges of one page each that are there, mapped on the GPU, while others are measured.
class StandingRanges {
 public:
  StandingRanges(const ThunkRangeKind& kind, std::size_t count);
  ~StandingRanges();
  StandingRanges(const StandingRanges&) = delete;
  StandingRanges& operator=(const StandingRanges&) = delete;

 private:
  std::byte* page(std::size_t number) const;
  void end();

  const ThunkRangeKind& kind_;
  PlainMemory memory_;
  std::size_t registered_ = 0;
};

}  // namespace notifier
