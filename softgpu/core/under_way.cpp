// SPDX-License-Identifier: MIT
#include "softgpu/core/under_way.hpp"

#include "softgpu/core/futex.hpp"

namespace softgpu {
namespace {

constexpr std::int64_t kPollNs = 200'000;

}  // namespace

void UnderWay::end() {
  count_.fetch_sub(1, std::memory_order_seq_cst);
  // Whoever says after this look that it waits finds the word changed.
  if (waiters_.load(std::memory_order_seq_cst) != 0) {
    futex_wake_all(count_);
  }
}

void UnderWay::wait_for_change(std::uint32_t seen) const {
  waiters_.fetch_add(1, std::memory_order_seq_cst);
  futex_wait(count_, seen, kPollNs);
  waiters_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace softgpu
