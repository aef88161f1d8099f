// SPDX-License-Identifier: MIT
// Migration where it is not to be had, and where others are at the same memory at the same time.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <thread>

#include "migration_fixture.hpp"

namespace softgpu_test {
namespace {

class MigrationRace : public Migration {};

INSTANTIATE_TEST_SUITE_P(Xnack, MigrationRace, testing::Values("0", "1"));

PROCESS_TEST(MigrationMisuse, IsAnError) {
  std::uint64_t* managed = make_managed(kSize);
  char* plain = map_memory(kSize);
  REQUIRE(hipMemPrefetchAsync(plain, kSize, 0, nullptr) == hipErrorNotSupported);
  register_memory(plain, kSize);
  REQUIRE(hipMemPrefetchAsync(plain, kSize, 0, nullptr) == hipErrorInvalidValue);
  REQUIRE(hipMemAdvise(plain, kSize, hipMemAdviseSetPreferredLocation, 0) == hipErrorNotSupported);
  REQUIRE(hipMemPrefetchAsync(nullptr, kSize, 0, nullptr) == hipErrorInvalidValue);
  REQUIRE(hipMemPrefetchAsync(managed, 0, 0, nullptr) == hipErrorInvalidValue);
  REQUIRE(hipMemPrefetchAsync(managed, SIZE_MAX, 0, nullptr) == hipErrorInvalidValue);
  REQUIRE(hipMemPrefetchAsync(managed, kSize + kBlock + 1, 0, nullptr) == hipErrorInvalidValue);
  REQUIRE(hipMemPrefetchAsync(managed, kSize, 1, nullptr) == hipErrorInvalidDevice);
  REQUIRE(hipMemPrefetchAsync(managed, kSize, -2, nullptr) == hipErrorInvalidDevice);
  REQUIRE(hipMemAdvise(managed, kSize + kBlock + 1, hipMemAdviseSetPreferredLocation, 0) ==
          hipErrorInvalidValue);
}

PROCESS_TEST(MigrationMisuse, SystemCallOnDevicePagesFailsAndLosesNothing) {
  std::uint64_t* memory = make_managed(kSize);
  memory[0] = 5;
  Mover().to(0, memory, kSize);
  const int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  REQUIRE(read(zeros, memory, 8) == -1 && errno == EFAULT);
  REQUIRE(memory[0] == 5);
  REQUIRE(read(zeros, memory, 8) == 8 && memory[0] == 0);
}

PROCESS_BODY(fork_in_flight) {
  // Two threads: one moves the memory to and fro, the other forks. Each child finds all of it.
  OnManagedMemory on;
  std::atomic<bool> done{false};
  std::thread moving([&] {
    while (!done.load()) {
      on.to_device();
      on.to_host();
    }
  });
  for (int round = 0; round < 30; ++round) {
    on.kernel.wait_for_passes(1);
    HeldChild child(HeldChild::Made::kByLibc, [&] {
      std::size_t missing = 0;
      for (std::size_t word = 0; word < kWords; ++word) {
        missing += load_word(on.memory + word) == 0 ? 1 : 0;
      }
      return missing == 0 ? 0 : 1;
    });
    REQUIRE(child.finish() == 0);
  }
  done.store(true);
  moving.join();
  on.finish();
}
TEST_P(MigrationRace, ForkWhileAMigrationIsInFlight) { run("fork_in_flight"); }

PROCESS_BODY(cpu_and_device_contend) {
  // The CPU writes one half while the kernel works on the other and the pages move: no write of the
  // CPU is lost between the copy and the moment when the page is gone.
  OnManagedMemory on;
  on.kernel.stay_within(0, kWords / 2);
  std::atomic<bool> done{false};
  std::thread moving([&] {
    while (!done.load()) {
      on.to_device();
    }
  });
  std::uint64_t* word = on.memory + kWords / 2 + 7;
  std::uint64_t value = 0;
  while (on.log.count(kMigrateEnd, kByCpu) < 20) {
    for (int store = 0; store < 100; ++store) {
      __atomic_store_n(word, ++value, __ATOMIC_RELEASE);
      REQUIRE(load_word(word) == value);
    }
  }
  done.store(true);
  moving.join();
  REQUIRE(load_word(word) == value);
  on.finish();
}
TEST_P(MigrationRace, NoWriteIsLostWhilePagesMove) { run("cpu_and_device_contend"); }

PROCESS_TEST(MigrationOfJobs, WaitsForTheirEnd) {
  REQUIRE(setenv("SOFTGPU_CWSR", "0", 1) == 0);
  DriverLog log;
  auto* memory = reinterpret_cast<unsigned char*>(make_managed(kSize));
  for (int round = 1; round <= 20; ++round) {
    REQUIRE_HIP(hipMemsetAsync(memory, round, kSize, nullptr));
    REQUIRE_HIP(hipMemPrefetchAsync(memory, kSize, 0, nullptr));
    REQUIRE_HIP(hipMemsetAsync(memory, round + 1, kSize / 2, nullptr));
    REQUIRE_HIP(hipDeviceSynchronize());
    REQUIRE(log.count(kMigrateEnd, kPrefetched) == static_cast<std::size_t>(round));
    REQUIRE(memory[0] == round + 1 && memory[kSize - 1] == round);
  }
  REQUIRE(log.accusations() == 0);
}

}  // namespace
}  // namespace softgpu_test
