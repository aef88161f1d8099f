// SPDX-License-Identifier: MIT
// One io_uring with one transfer at a time.
#pragma once

#include <liburing.h>

namespace notifier::pin {

class Uring {
 public:
  /// Throws CannotRun with the reason where io_uring is missing or forbidden.
  Uring();
  ~Uring();
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;

  io_uring* ring() { return &ring_; }
  /// A queue entry to prepare; never null, since there is one transfer at a time.
  io_uring_sqe* entry();
  /// Throws std::system_error when the kernel does not take what was prepared.
  void submit();
  /// The result of the transfer: bytes, or a negative errno.
  int wait();

 private:
  io_uring ring_{};
};

}  // namespace notifier::pin
