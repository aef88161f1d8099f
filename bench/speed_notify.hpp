// SPDX-License-Identifier: MIT
// The bare price of seccomp user notification: a process whose madvise is reported to a thread that
// lets it go on at once.
#pragma once

#include <sys/types.h>

#include <vector>

#include "bench/speed_measures.hpp"

namespace notifier {

/// A process tree has one listener, so this is a child made before the device is. It measures only
/// when asked, so that its times and the device's alternate.
class BareNotification {
 public:
  BareNotification();
  ~BareNotification();
  BareNotification(const BareNotification&) = delete;
  BareNotification& operator=(const BareNotification&) = delete;

  /// That many calls of madvise(MADV_DONTNEED) of one page. Throws std::runtime_error when the
  /// child cannot.
  std::vector<TimedEvent> measure(int events) const;

 private:
  int socket_ = -1;
  pid_t child_ = -1;
};

}  // namespace notifier
