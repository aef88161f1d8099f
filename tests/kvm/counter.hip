// SPDX-License-Identifier: MIT
#include "device_primitives.hpp"
#include "tests/kvm/counter.hpp"

namespace softgpu_test {

__global__ void counter_kernel(CounterArguments arguments) {
  using namespace notifier::device;
  CounterBoard* const board = arguments.board;
  store(&board->wave_count, wave_count());
  for (std::uint64_t rounds = 1; load_acquire(&board->stop) == 0; ++rounds) {
    store(arguments.word, load_waited(arguments.word) + 1);
    store(&board->clock_ticks, clock_ticks());
    store(&board->rounds, rounds);
  }
}

NOTIFIER_KERNEL(counter_kernel, CounterArguments);

const void* counter_function() { return reinterpret_cast<const void*>(&counter_kernel); }

}  // namespace softgpu_test
