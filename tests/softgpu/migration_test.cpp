// SPDX-License-Identifier: MIT
// Managed memory that moves to the device and home again (kfd_facts §2), in each recovery. What the
// lines of the driver count is what happened: no test takes a migration on trust.
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <vector>

#include "migration_fixture.hpp"

namespace softgpu_test {
namespace {

std::size_t count_mappings(const void* memory, std::size_t size_bytes) {
  std::FILE* maps = std::fopen("/proc/self/maps", "re");
  REQUIRE(maps != nullptr);
  const auto begin = reinterpret_cast<unsigned long>(memory);
  std::size_t count = 0;
  char line[4096];
  while (std::fgets(line, sizeof(line), maps) != nullptr) {
    unsigned long first = 0;
    unsigned long end = 0;
    count +=
        std::sscanf(line, "%lx-%lx", &first, &end) == 2 && first < begin + size_bytes && end > begin
            ? 1
            : 0;
  }
  std::fclose(maps);
  return count;
}

INSTANTIATE_TEST_SUITE_P(Xnack, Migration, testing::Values("0", "1"));

PROCESS_BODY(migrate_both_ways) {
  OnManagedMemory on;
  const std::size_t free_before = free_vram();
  for (std::size_t round = 1; round <= 20; ++round) {
    on.to_device();
    REQUIRE(on.log.count(kMigrateEnd, kPrefetched) == 2 * round - 1);
    REQUIRE(free_vram() == free_before - kSize);
    on.kernel.wait_for_passes(1);
    on.to_host();
    REQUIRE(on.log.count(kMigrateEnd, kPrefetched) == 2 * round);
    REQUIRE(free_vram() == free_before);
    on.kernel.wait_for_passes(1);
  }
  on.finish();
  REQUIRE(on.log.count(kMigrateStart) == on.log.count(kMigrateEnd));
  REQUIRE(load_word(on.memory) == on.kernel.passes());
  REQUIRE(on.log.count(kMigrateEnd, kByCpu) == 0);  // the pages were home already
}
TEST_P(Migration, PrefetchBothWaysUnderAKernel) { run("migrate_both_ways"); }

PROCESS_BODY(migrate_once) {
  DriverLog log;
  std::uint64_t* memory = make_managed(kSize);
  for (std::size_t word = 0; word < kWords; ++word) {
    memory[word] = word + 1;
  }
  Mover().to(0, memory, kSize);
  char start[128];
  char end[128];
  const auto page = reinterpret_cast<unsigned long>(memory) / kPage;
  std::snprintf(start, sizeof(start), " @%lx(40) 0->50f7 50f7:ffffffff 0", page);
  std::snprintf(end, sizeof(end), " @%lx(40) 0->50f7 0 0", page);
  REQUIRE(log.count(kMigrateStart, start) == 1 && log.count(kMigrateEnd, end) == 1);
  for (std::size_t word = 0; word < kWords; ++word) {
    REQUIRE(memory[word] == word + 1);
  }
  std::snprintf(start, sizeof(start), " @%lx(40) 50f7->0 50f7:ffffffff 2", page);
  std::snprintf(end, sizeof(end), " @%lx(40) 50f7->0 2 0", page);
  REQUIRE(log.count(kMigrateStart, start) == 1 && log.count(kMigrateEnd, end) == 1);
  REQUIRE(count_mappings(memory, kSize) == 1);
}
TEST_P(Migration, LinesAreThoseOfTheDriver) { run("migrate_once"); }

PROCESS_BODY(touch_by_cpu) {
  OnManagedMemory on;
  for (std::size_t round = 1; round <= 20; ++round) {
    on.to_device();
    on.kernel.wait_for_passes(1);
    REQUIRE(on.log.count(kMigrateEnd, kByCpu) == round - 1);
    const std::uint64_t seen = load_word(on.memory + round * 512 % kWords);
    REQUIRE(seen != 0 && seen <= on.kernel.passes() + 1);
    REQUIRE(on.log.count(kMigrateEnd, kByCpu) == round);
    on.kernel.wait_for_passes(1);
  }
  on.finish();
}
TEST_P(Migration, CpuTouchBringsPagesHome) { run("touch_by_cpu"); }

PROCESS_BODY(untouched_memory) {
  // Neither CPU nor device has ever used it: zeros, on both sides, and one mapping afterwards.
  DriverLog log;
  std::uint64_t* memory = make_managed(kSize);
  Mover().to(0, reinterpret_cast<char*>(memory) + 8 * kPage, 16 * kPage);
  REQUIRE(log.count(kMigrateEnd, kPrefetched) == 1);
  for (std::size_t word = 0; word < kWords; ++word) {
    REQUIRE(memory[word] == 0);
  }
  REQUIRE(log.count(kMigrateEnd, kByCpu) == 1);
  REQUIRE(count_mappings(memory, kSize) == 1);
}
TEST_P(Migration, UntouchedMemoryIsZero) { run("untouched_memory"); }

PROCESS_TEST(MigrationByFault, FollowsThePreferredLocation) {
  ask_for_retry_faults();
  DriverLog log;
  std::uint64_t* memory = make_managed(kSize);
  REQUIRE_HIP(hipMemAdvise(memory, kSize, hipMemAdviseSetPreferredLocation, 0));
  RunningKernel kernel(memory, kWords);
  kernel.wait_for_passes(2);
  REQUIRE(log.count(kMigrateEnd, kByGpu) >= 1 && log.count(kFaultEnd, " M") >= 1);
  for (std::size_t round = 0; round < 10; ++round) {
    const std::size_t before = log.count(kMigrateEnd, kByGpu);
    REQUIRE(load_word(memory + 512 * round) != 0);
    log.wait_for(kMigrateEnd, before + 1, kByGpu);
    kernel.wait_for_passes(1);
  }
  REQUIRE_HIP(hipMemAdvise(memory, kSize, hipMemAdviseUnsetPreferredLocation, 0));
  const std::size_t before = log.count(kMigrateEnd, kByGpu);
  REQUIRE(load_word(memory) != 0);
  kernel.wait_for_passes(2);
  kernel.stop();
  REQUIRE(log.count(kMigrateEnd, kByGpu) == before);
  REQUIRE(kernel.mismatches() == 0 && log.accusations() == 0);
  REQUIRE(log.count(kEviction) == 0);
}

PROCESS_BODY(fork_with_resident) {
  OnManagedMemory on;
  for (std::size_t round = 1; round <= 5; ++round) {
    on.to_device();
    on.kernel.wait_for_passes(1);
    std::uint64_t at_fork = 0;
    HeldChild child(HeldChild::Made::kByLibc, [&] {
      for (std::size_t word = 0; word < kWords; ++word) {
        const std::uint64_t value = load_word(on.memory + word);
        if (value == 0 || value > at_fork) {
          return 1;
        }
      }
      return 0;
    });
    at_fork = on.kernel.passes() + 1;  // in the parent: the child sees what it was before
    REQUIRE(on.log.count(kMigrateEnd, kByCpu) == round);
    on.kernel.wait_for_passes(2);
    child.finish();
  }
  on.finish();
}
TEST_P(Migration, ForkBringsPagesHome) { run("fork_with_resident"); }

PROCESS_BODY(change_resident) {
  DriverLog log;
  char* memory = reinterpret_cast<char*>(make_managed(kSize));
  const auto fill = [&] {
    for (std::size_t page = 0; page < 64; ++page) {
      *reinterpret_cast<std::uint64_t*>(memory + page * kPage) = page + 1;
    }
  };
  const auto holds = [&](std::size_t page, std::uint64_t value) {
    return load_word(reinterpret_cast<std::uint64_t*>(memory + page * kPage)) == value;
  };
  Mover mover;
  fill();
  mover.to(0, memory, kSize);
  REQUIRE(madvise(memory + 4 * kPage, 2 * kPage, MADV_DONTNEED) == 0);
  REQUIRE(log.count(kMigrateEnd, kByCpu) == 1);
  REQUIRE(holds(3, 4) && holds(4, 0) && holds(5, 0) && holds(6, 7));

  mover.to(0, memory, kSize);
  REQUIRE(mprotect(memory, 8 * kPage, PROT_READ) == 0);
  REQUIRE(holds(3, 4) && holds(8, 9));
  REQUIRE(mprotect(memory, 8 * kPage, PROT_READ | PROT_WRITE) == 0);
  REQUIRE(count_mappings(memory, kSize) == 1);

  mover.to(0, memory, kSize);
  void* moved = mremap(memory + 32 * kPage, 8 * kPage, 16 * kPage, MREMAP_MAYMOVE);
  REQUIRE(moved != MAP_FAILED);
  REQUIRE(load_word(static_cast<std::uint64_t*>(moved)) == 33);
  REQUIRE(holds(31, 32) && holds(40, 41));

  REQUIRE(munmap(memory + 48 * kPage, 8 * kPage) == 0);
  REQUIRE(holds(47, 48) && holds(56, 57));
  REQUIRE(hipMemPrefetchAsync(memory, kSize, 0, nullptr) == hipErrorInvalidValue);  // a hole
  REQUIRE(log.accusations() == 0);
}
TEST_P(Migration, MemoryCallsLoseNothing) { run("change_resident"); }

PROCESS_BODY(free_resident) {
  const std::size_t free_before = free_vram();
  Mover mover;
  for (int round = 0; round < 10; ++round) {
    void* memory = nullptr;
    REQUIRE_HIP(hipMallocManaged(&memory, kSize, hipMemAttachGlobal));
    *static_cast<char*>(memory) = 1;
    mover.to(0, memory, kSize);
    REQUIRE(free_vram() == free_before - kSize);
    REQUIRE_HIP(hipFree(memory));
    REQUIRE(free_vram() == free_before);
  }
}
TEST_P(Migration, FreeGivesDeviceMemoryBack) { run("free_resident"); }

PROCESS_BODY(overcommit) {
  // Four times the device's memory of 256 KiB: each prefetch sends away what came first.
  DriverLog log;
  Mover mover;
  std::vector<std::uint64_t*> buffers;
  for (std::uint64_t index = 0; index < 4; ++index) {
    buffers.push_back(make_managed(kSize));
    buffers.back()[kWords - 1] = index + 1;
    mover.to(0, buffers.back(), kSize);
    REQUIRE(log.count(kMigrateEnd, kEvicted) == index);
  }
  REQUIRE(free_vram() == 0);
  for (std::uint64_t index = 0; index < 4; ++index) {
    REQUIRE(buffers[index][kWords - 1] == index + 1);
  }
  REQUIRE(log.count(kMigrateEnd, kByCpu) == 1);  // only the last was on the device
}
TEST_P(Migration, EvictsWhatCameFirst) { run("overcommit", {{"SOFTGPU_VRAM", "256K"}}); }

PROCESS_BODY(exhausted) {
  DriverLog log;
  std::uint64_t* memory = make_managed(kSize);
  memory[0] = 7;
  Mover mover;
  void* half = nullptr;
  REQUIRE_HIP(hipMalloc(&half, kSize / 2));
  REQUIRE(hipMemPrefetchAsync(memory, kSize, 0, nullptr) == hipErrorOutOfMemory);
  REQUIRE(hipGetLastError() == hipErrorOutOfMemory);
  REQUIRE(log.count(kMigrateStart) == 0);
  mover.to(0, memory, kSize / 2);
  REQUIRE(free_vram() == 0);
  void* rest = nullptr;
  REQUIRE_HIP(hipMalloc(&rest, kSize / 2));  // takes what can be evicted
  REQUIRE(log.count(kMigrateEnd, kEvicted) == 1);
  REQUIRE(memory[0] == 7);
  void* more = nullptr;
  REQUIRE(hipMalloc(&more, kPage) == hipErrorOutOfMemory);
  REQUIRE(hipMemPrefetchAsync(memory, kPage, 0, nullptr) == hipErrorOutOfMemory);
}
TEST_P(Migration, ExhaustedDeviceMemoryIsAnError) { run("exhausted", {{"SOFTGPU_VRAM", "256K"}}); }

PROCESS_BODY(full_device_fault) {
  DriverLog log;
  void* all = nullptr;
  REQUIRE_HIP(hipMalloc(&all, kSize));
  std::uint64_t* memory = make_managed(kSize);
  REQUIRE_HIP(hipMemAdvise(memory, kSize, hipMemAdviseSetPreferredLocation, 0));
  RunningKernel kernel(memory, kWords);  // KFD maps system memory then
  kernel.wait_for_passes(2);
  kernel.stop();
  REQUIRE(kernel.mismatches() == 0 && log.count(kMigrateStart) == 0);
}
TEST(MigrationByFault, StaysAtHomeWhenTheDeviceIsFull) {
  expect_passed(run_process("full_device_fault", {{"SOFTGPU_VRAM", "256K"}, {"HSA_XNACK", "1"}}));
}

}  // namespace
}  // namespace softgpu_test
