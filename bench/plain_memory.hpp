// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace notifier {

/// Resident base pages of the process's own.
class PlainMemory {
 public:
  /// Throws std::system_error.
  explicit PlainMemory(std::size_t size_bytes);
  ~PlainMemory();
  PlainMemory(const PlainMemory&) = delete;
  PlainMemory& operator=(const PlainMemory&) = delete;

  std::byte* begin() const { return begin_; }
  std::size_t size_bytes() const { return size_bytes_; }
  /// The mapping is gone already.
  void forget() { begin_ = nullptr; }

 private:
  std::byte* begin_ = nullptr;
  std::size_t size_bytes_;
};

}  // namespace notifier
