// SPDX-License-Identifier: MIT
// A pass over all mappings and ranges is dear, so a series of registrations costs one, not one
// each.
#include "softgpu/core/fork_policy.hpp"

#include <hip/hip_runtime_api.h>
#include <sched.h>
#include <time.h>

#include <cstdio>

#include "process_test.hpp"
#include "softgpu/api/softgpu_control.h"
#include "test_device.hpp"

namespace softgpu_test {
namespace {

using softgpu::kSettledAfterNs;

/// Passes of a worker that looks whenever something is registered, and whenever its wait is over.
std::uint64_t passes_for(std::uint64_t registrations, std::uint64_t distance_ns) {
  softgpu::ForkPolicyCounts counts;
  std::uint64_t due_ns = UINT64_MAX;
  const auto look = [&](std::uint64_t now_ns) {
    const std::int64_t wait_ns = softgpu::time_to_pass_ns(counts, now_ns);
    due_ns = wait_ns > 0 ? now_ns + static_cast<std::uint64_t>(wait_ns) : UINT64_MAX;
    if (wait_ns == 0) {
      counts.resolved = counts.changes;
      ++counts.passes;
    }
  };
  for (std::uint64_t number = 1; number <= registrations; ++number) {
    const std::uint64_t now_ns = number * distance_ns;
    if (due_ns <= now_ns) {
      look(due_ns);
    }
    ++counts.changes;
    counts.changed_ns = now_ns;
    look(now_ns);
  }
  if (due_ns != UINT64_MAX) {
    look(due_ns);
  }
  EXPECT_EQ(counts.resolved, registrations);
  return counts.passes;
}

TEST(ForkPolicy, ASeriesSettlesOnceAtItsEnd) {
  EXPECT_EQ(passes_for(1, 1), 1u);
  EXPECT_EQ(passes_for(100'000, 10'000), 1u);
  EXPECT_EQ(passes_for(1'000, kSettledAfterNs - 1), 1u);
}

TEST(ForkPolicy, EachSettlesWhereTheyAreFarApart) {
  EXPECT_EQ(passes_for(10, kSettledAfterNs), 10u);
  EXPECT_EQ(passes_for(10, 5 * kSettledAfterNs), 10u);
}

std::uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

/// Whatever the machine does meanwhile: between two passes lies a pause between two registrations.
PROCESS_TEST(ForkPolicy, RegistrationsInARowDoNotCostAPassEach) {
  constexpr std::size_t kRegistrations = 2'000;
  char* memory = map_memory(kRegistrations * kPage);
  register_memory(map_memory(kPage), kPage);  // the device has started
  const std::uint64_t passes_before = softgpu_fork_policy_passes();
  std::uint64_t pauses = 1;  // before the first
  std::uint64_t last_begin_ns = now_ns();
  for (std::size_t page = 0; page < kRegistrations; ++page) {
    const std::uint64_t begin_ns = now_ns();
    register_memory(memory + page * kPage, kPage);
    pauses += now_ns() - last_begin_ns >= kSettledAfterNs ? 1 : 0;
    last_begin_ns = begin_ns;
  }
  const std::uint64_t during = softgpu_fork_policy_passes() - passes_before;
  REQUIRE(during <= pauses);
  while (softgpu_fork_policy_passes() == passes_before) {  // after the last: all become known
    sched_yield();
  }
  std::printf("%lu passes, %lu pauses\n", during, pauses);
}

}  // namespace
}  // namespace softgpu_test
