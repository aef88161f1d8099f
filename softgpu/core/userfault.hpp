// SPDX-License-Identifier: MIT
// The CPU's faults on pages that live in device memory (userfaultfd(2)), for faults from user mode
// only, which needs no rights: a system call that touches such a page fails with EFAULT.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace softgpu {

/// Registered are exactly the pages that live in device memory, or are on their way.
class Userfault {
 public:
  Userfault();

  /// Why it cannot be used; empty when it can.
  const std::string& why_not() const { return why_not_; }

  /// From now on writes of the CPU wait, and accesses to pages that are not there. False, and
  /// nothing has changed, when the memory cannot be watched: someone else watches it already.
  bool guard(std::uintptr_t begin, std::size_t size_bytes);

  /// Lets the CPU go on: pages that are still there, fresh zero pages otherwise.
  void release(std::uintptr_t begin, std::size_t size_bytes);

  /// Puts pages where there are none. Whoever waits for them waits until release(). False: the
  /// process is ending. Fails the process when memory is short, for the data would be lost.
  bool put(std::uintptr_t begin, std::uintptr_t source, std::size_t size_bytes);

  /// Waits for the next fault; returns its page. 0: nothing after all.
  std::uintptr_t next_fault();

  /// Lets whoever waits for this page try again.
  void retry(std::uintptr_t page);

 private:
  int descriptor_ = -1;
  std::string why_not_;
};

}  // namespace softgpu
