// SPDX-License-Identifier: MIT
// What the tests of migration share.
#pragma once

#include <hip/hip_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "process_test.hpp"
#include "softgpu/api/softgpu_control.h"
#include "test_device.hpp"

namespace softgpu_test {

inline constexpr std::size_t kSize = 64 * kPage;
inline constexpr std::size_t kWords = kSize / 8;
inline constexpr std::size_t kBlock = 2 << 20;  // KFD's default granularity
inline const std::string kMigrateStart = "5";
inline const std::string kMigrateEnd = "6";
inline const std::string kFaultEnd = "8";
inline const std::string kEviction = "9";
inline const std::string kPrefetched = " 0 0";  // tails of MIGRATE_END: trigger, error
inline const std::string kByGpu = " 1 0";
inline const std::string kByCpu = " 2 0";
inline const std::string kEvicted = " 3 0";

/// At the begin of a block, which is what faults and eviction move at a time.
inline std::uint64_t* make_managed(std::size_t size_bytes) {
  void* memory = nullptr;
  REQUIRE_HIP(hipMallocManaged(&memory, size_bytes + kBlock, hipMemAttachGlobal));
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  return reinterpret_cast<std::uint64_t*>((begin + kBlock - 1) / kBlock * kBlock);
}

/// Moves memory and waits until it is there, on a stream beside the running kernel's.
class Mover {
 public:
  Mover() { REQUIRE_HIP(hipStreamCreateWithFlags(&stream_, hipStreamNonBlocking)); }

  void to(int location, const void* memory, std::size_t size_bytes) {
    REQUIRE_HIP(hipMemPrefetchAsync(memory, size_bytes, location, stream_));
    REQUIRE_HIP(hipStreamSynchronize(stream_));
  }

 private:
  hipStream_t stream_ = nullptr;
};

/// A kernel that works on managed memory, and what moves the memory under it.
struct OnManagedMemory {
  void to_device() { mover.to(0, memory, kSize); }
  void to_host() { mover.to(hipCpuDeviceId, memory, kSize); }

  void finish(bool may_see_zeros = false) {
    kernel.stop();
    REQUIRE(may_see_zeros ? kernel.mismatches() == kernel.zeros() : kernel.mismatches() == 0);
    softgpu_audit_now();
    REQUIRE(log.accusations() == 0);
  }

  DriverLog log;
  std::uint64_t* memory = make_managed(kSize);
  Mover mover;
  RunningKernel kernel{memory, kWords};
};

inline std::size_t free_vram() {
  std::size_t free = 0;
  std::size_t total = 0;
  REQUIRE_HIP(hipMemGetInfo(&free, &total));
  return free;
}

/// Runs a body with preemption and with retry faults.
class Migration : public testing::TestWithParam<const char*> {
 protected:
  static void run(const char* body, Environment environment = {}) {
    environment.emplace("HSA_XNACK", GetParam());
    expect_passed(run_process(body, environment));
  }
};

}  // namespace softgpu_test
