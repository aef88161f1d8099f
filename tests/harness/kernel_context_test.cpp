// SPDX-License-Identifier: MIT
#include "harness/kernel_context.hpp"

#include <gtest/gtest.h>

#include "kernels/workload_full.hpp"

namespace notifier {
namespace {

constexpr std::uint64_t kEveryWaveBytes = 512 + 128 + 12;

TEST(KernelContext, CountsEachLanesRegistersAndEachWavesLocalMemory) {
  EXPECT_EQ(context_bytes({.vector_registers = 0, .local_bytes = 0}, {1, 64}), kEveryWaveBytes);
  // 48 registers of 4 bytes in 64 lanes, twice.
  EXPECT_EQ(context_bytes({.vector_registers = 48, .local_bytes = 8192}, {2, 64}),
            2 * (12'288 + 8192 + kEveryWaveBytes));
}

TEST(KernelContext, IsOf64Bits) {
  EXPECT_EQ(context_bytes({.vector_registers = 512, .local_bytes = 65'536}, {1u << 16, 64}),
            (std::uint64_t{1} << 16) * (131'072 + 65'536 + kEveryWaveBytes));
}

// The software GPU repeats what the kernel says that it holds, and runs one wave a thread.
TEST(KernelContext, OfTheSoftwareGpuIsWhatTheSourceHolds) {
  const WorkloadGrid grid{3, 1};
  EXPECT_EQ(context_bytes(Context::kSmall, grid), 3 * kEveryWaveBytes);
  EXPECT_EQ(context_bytes(Context::kJob5ms, grid), 3 * kEveryWaveBytes);
  EXPECT_EQ(context_bytes(Context::kFull, grid),
            3 * (kHeldRegisterWords * sizeof(std::uint64_t) + kHeldLocalBytes + kEveryWaveBytes));
  EXPECT_EQ(full_waves_per_compute_unit(1), 1u);
  EXPECT_EQ(full_waves_per_compute_unit(64), 0u);  // not offered: a wave has one lane
}

}  // namespace
}  // namespace notifier
