// SPDX-License-Identifier: MIT
#include <hip/hip_runtime.h>

#include "bench/notifier_sweep.hpp"
#include "device_primitives.hpp"

namespace notifier {
namespace {

// The clock is read after the access has its value: a page that is missing shows as a gap.
__device__ inline void touch(std::uint64_t* word, std::uint64_t order, std::uint64_t pass) {
  if (order == kSweepWrite) device::store(word, pass);
  if (order != kSweepAway) device::load_waited(word);
}

}  // namespace

__global__ void notifier_sweep(SweepArguments arguments) {
  SweepBoard* const board = arguments.board;
  std::uint64_t number = 0;
  std::uint64_t order = kSweepAway;
  std::uint64_t passes = 0;
  std::uint64_t longest = 0;
  std::uint64_t last = device::clock_ticks();
  while (order != kSweepEnd) {
    for (std::uint64_t page = 0; page < arguments.pages; ++page) {
      touch(arguments.memory + page * kSweepPageWords + kSweepWord, order, passes);
      const std::uint64_t now = device::clock_ticks();
      if (now - last > longest) {
        longest = now - last;
        device::store(&board->longest_gap_ticks, longest);
      }
      last = now;
      if (device::load_acquire(&board->order_number) != number) break;
    }
    const std::uint64_t wanted = device::load_acquire(&board->order_number);
    if (wanted == number) {
      device::store(&board->passes, ++passes);
      continue;
    }
    number = wanted;
    order = device::load(&board->order);
    passes = 0;
    longest = 0;
    device::store(&board->passes, 0);
    device::store(&board->longest_gap_ticks, 0);
    device::store(&board->acknowledged, number);
    last = device::clock_ticks();
  }
}

NOTIFIER_KERNEL(notifier_sweep, SweepArguments);

}  // namespace notifier
