// SPDX-License-Identifier: MIT
#include "bench/speed_wake.hpp"

#include <atomic>
#include <thread>

#include "bench/speed_placement.hpp"
#include "softgpu/core/futex.hpp"

namespace notifier {
namespace {

/// A thread that keeps another CPU busy, as a wave does, and wakes the caller at a time.
class Waker {
 public:
  Waker() : thread_([this] { serve(); }) {}
  ~Waker() {
    due_ns_.store(kEnd);
    thread_.join();
  }
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

  TimedEvent sleep(std::int64_t duration_ns) {
    woken_.store(0);
    due_ns_.store(now_ns() + duration_ns);
    while (woken_.load() == 0) {
      softgpu::futex_wait(woken_, 0);
    }
    const std::int64_t runs_ns = now_ns();
    return {.start_ns = wake_ns_,
            .duration_ns = static_cast<double>(runs_ns - wake_ns_),
            .evictions = {}};
  }

 private:
  static constexpr std::int64_t kNone = 0;
  static constexpr std::int64_t kEnd = -1;

  void serve() {
    place_apart(0);
    for (;;) {
      std::int64_t due_ns = kNone;
      while ((due_ns = due_ns_.load()) == kNone) {
      }
      if (due_ns == kEnd) return;
      due_ns_.store(kNone);
      while (now_ns() < due_ns) {
      }
      wake_ns_ = now_ns();
      woken_.store(1);
      softgpu::futex_wake_all(woken_);
    }
  }

  std::atomic<std::int64_t> due_ns_{kNone};
  std::atomic<std::uint32_t> woken_{0};  // futex word
  std::int64_t wake_ns_ = 0;             // written before woken_
  std::thread thread_;
};

}  // namespace

std::vector<TimedEvent> time_wakes(std::uint64_t most_wait_ns, std::uint64_t seed,
                                   const SpeedBudget& budget) {
  const CallerPlacement placement;
  Moments moments(budget.events, seed);
  Waker waker;
  return spend(budget, [&] {
    return waker.sleep(
        static_cast<std::int64_t>(moments.next() * static_cast<double>(most_wait_ns)));
  });
}

}  // namespace notifier
