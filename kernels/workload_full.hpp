// SPDX-License-Identifier: MIT
// The workload with a full context: the same sweep by waves that hold many vector registers and
// local memory (LDS) beside it, for launches that fill the device. What is held is checked and
// renewed once a pass, so that a context that came back wrong is a violation.
#pragma once

#include "workload.hpp"

namespace notifier {

// 48 vector registers of a lane. With those of the sweep each wave has some 215 (Debian 12's hipcc;
// tests/kernels/code_objects checks them), which fills a register file with 4 waves per compute
// unit of 256 KiB of registers and 64 lanes (gfx906), with 8 of 512 KiB (gfx90a) or of 32 lanes
// (gfx1030).
inline constexpr std::uint64_t kHeldRegisterWords = 24;
// A wave's share of 64 KiB of local memory at 8 waves per compute unit.
inline constexpr std::uint64_t kHeldLocalWords = 1024;
inline constexpr std::uint64_t kHeldLocalBytes = kHeldLocalWords * sizeof(std::uint64_t);
// Numbers of held words are given out as for one lane that holds all of the local memory.
inline constexpr std::uint64_t kHeldWordsPerLane = kHeldRegisterWords + kHeldLocalWords;

/// As launch_workload(); every wave is to be resident, as the kernel has no end of its own.
hipError_t launch_workload_full(const WorkloadArguments& arguments, const WorkloadGrid& grid,
                                hipStream_t stream);

/// For hipFuncGetAttributes and the occupancy of a device.
const void* workload_full_function();

}  // namespace notifier
