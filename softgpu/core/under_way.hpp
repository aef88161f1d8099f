// SPDX-License-Identifier: MIT
// Counts what is under way, for those who wait until nothing is. Beginning and ending take no lock.
#pragma once

#include <atomic>
#include <cstdint>

namespace softgpu {

class UnderWay {
 public:
  void begin() { count_.fetch_add(1, std::memory_order_acq_rel); }
  void end();
  std::uint32_t count() const { return count_.load(std::memory_order_acquire); }

  /// Waits until the count is 0, calling poll() every so often.
  template <typename Poll>
  void wait_for_none(Poll&& poll) const {
    for (std::uint32_t seen = count(); seen != 0; seen = count()) {
      wait_for_change(seen);
      poll();
    }
  }

 private:
  void wait_for_change(std::uint32_t seen) const;

  std::atomic<std::uint32_t> count_{0};  // futex word
  mutable std::atomic<std::uint32_t> waiters_{0};
};

}  // namespace softgpu
