// SPDX-License-Identifier: MIT
// Makes whoever stores to a page next wait for a known time, by userfaultfd's write protection. The
// page keeps its frame and its content, so that nothing but the time of that store changes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "harness/file_descriptor.hpp"

namespace notifier {

class UserfaultHold {
 public:
  /// `page` is private memory of this process. Throws CannotPerform with the reason when the kernel
  /// has no write protection by userfaultfd or does not permit it.
  UserfaultHold(std::byte* page, std::size_t page_bytes);
  ~UserfaultHold();
  UserfaultHold(const UserfaultHold&) = delete;
  UserfaultHold& operator=(const UserfaultHold&) = delete;

  /// Protects the page, waits for a thread that stores to it, lets it go on `hold_ns` after its
  /// fault was reported. Returns the time from report to release, by CLOCK_MONOTONIC_RAW. Throws
  /// std::runtime_error when nobody stores within `patience_ms`.
  double hold_next_store(double hold_ns, int patience_ms);

 private:
  void protect(bool on) const;

  std::byte* page_;
  std::size_t page_bytes_;
  FileDescriptor descriptor_;
};

/// Waits until `duration_ns` have passed since `start_ns` (CLOCK_MONOTONIC_RAW): by a timer while
/// far, spinning at the end, since a timer wakes late.
void wait_since(std::int64_t start_ns, double duration_ns);

}  // namespace notifier
