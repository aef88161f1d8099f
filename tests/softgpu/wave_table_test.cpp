// SPDX-License-Identifier: MIT
// How waves are flushed, without a device around them.
#include <sched.h>

#include <atomic>
#include <thread>

#include "process_test.hpp"
#include "softgpu/core/wave.hpp"

namespace softgpu_test {
namespace {

std::atomic<bool> runs{false};
std::atomic<bool> may_end{false};

/// Makes no access, so it never looks whether it is asked for something.
void wait_without_access(const void*) {
  runs.store(true);
  while (!may_end.load()) {
    sched_yield();
  }
}

PROCESS_TEST(WaveTable, AWaveThatCameAfterTheRequestIsNotWaitedFor) {
  static softgpu::WaveTable table;  // outlives this function, as the thread does
  softgpu::Wave* wave = table.add();
  std::thread([wave] { wave->run_grids(); }).detach();  // for ever
  const std::uint32_t request = table.request_flush();
  static softgpu::Grid grid;
  grid.run = wait_without_access;
  grid.wave_count = 1;
  grid.waves_left.store(1);
  wave->start(grid, 0);
  while (!runs.load()) {
    sched_yield();
  }
  table.wait_until_flushed(request);  // ends the process after 9 s in vain
  may_end.store(true);
  while (grid.waves_left.load() != 0) {
    sched_yield();
  }
}

}  // namespace
}  // namespace softgpu_test
