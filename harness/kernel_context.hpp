// SPDX-License-Identifier: MIT
// How much the waves of a launch hold: what a preemption has to save and to bring back.
#pragma once

#include <cstdint>

#include "harness/case.hpp"
#include "kernels/workload.hpp"

namespace notifier {

/// What hipFuncGetAttributes says of a kernel: numRegs are vector registers (clr hipamd/src/
/// hip_global.cpp, Function::getStatFuncAttr()), accumulation registers of gfx90a among them.
struct KernelUse {
  std::uint64_t vector_registers;  // of 4 bytes, for each lane
  std::uint64_t local_bytes;       // LDS of a block, which is one wave here
};

/// By the kernel's use, and for what every wave has the most that KFD reserves for one.
std::uint64_t context_bytes(const KernelUse& use, const WorkloadGrid& grid);

/// The same for the kernel that a context launches. Throws HipError.
std::uint64_t context_bytes(Context context, const WorkloadGrid& grid);

/// Waves with a full context that a compute unit of the current device keeps at a time; 0 when the
/// runtime does not say.
std::uint32_t full_waves_per_compute_unit(std::uint32_t lanes_per_wave);

}  // namespace notifier
