// SPDX-License-Identifier: MIT
#include "harness/pin/cost.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "harness/pin/clock.hpp"
#include "harness/pin/error.hpp"

namespace notifier::pin {
namespace {

void join(pid_t child) {
  while (waitpid(child, nullptr, 0) < 0) throw_if(errno != EINTR, "waitpid");
}

}  // namespace

CostResult measure_cost(Actor& actor, std::size_t bytes, Backing backing) {
  Region region({.used_bytes = bytes, .backing = backing});
  CostResult cost;
  std::int64_t enter_ns = raw_clock_ns();
  actor.attach(region.used(), Direction::kDeviceReads);
  cost.attach_ns = static_cast<double>(raw_clock_ns() - enter_ns);

  enter_ns = raw_clock_ns();
  const pid_t child = fork();
  if (child == 0) _exit(0);
  cost.fork_ns = static_cast<double>(raw_clock_ns() - enter_ns);
  const int fork_error = errno;
  if (child > 0) {
    join(child);
    enter_ns = raw_clock_ns();
    *const_cast<volatile std::byte*>(region.address()) = std::byte{1};
    cost.first_write_ns = static_cast<double>(raw_clock_ns() - enter_ns);
  }
  actor.detach();
  errno = fork_error;
  throw_if(child < 0, "fork");
  return cost;
}

}  // namespace notifier::pin
