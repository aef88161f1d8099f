// SPDX-License-Identifier: MIT
// The 8-byte record that every aligned word of a workload buffer holds, shared by host and device.
#pragma once

#include <cstdint>

// The same functions run in kernels and on the host; a host compiler without HIP support knows no
// such attribute. hip/hip_runtime.h defines __host__ and __device__ for both kinds of compiler.
#include <hip/hip_runtime.h>

namespace notifier {

// Layout: epoch in bits 40..63, owner in bits 32..39, hash in bits 0..31. Eight aligned bytes are
// the largest unit that GPU, bus and a preemption at any instruction keep whole (kfd_facts §0.35).
using Record = std::uint64_t;

inline constexpr std::uint64_t kEpochMask = 0xFFFFFF;
inline constexpr std::uint32_t kHostOwner = 1;         // records written by the CPU
inline constexpr std::uint32_t kFirstDeviceOwner = 2;  // workload buffers count up from here

__host__ __device__ inline std::uint32_t record_hash(std::uint32_t owner, std::uint64_t word_index,
                                                     std::uint64_t epoch, std::uint64_t seed) {
  // A 64-bit finalizer (multiply, xor-shift) over the fields; collisions of one in 2^32 per torn
  // word.
  std::uint64_t mixed = seed ^ (word_index * 0x9E3779B97F4A7C15ull) ^
                        ((((epoch & kEpochMask) << 8) | owner) * 0xD6E8FEB86659FD93ull);
  mixed ^= mixed >> 32;
  mixed *= 0xD6E8FEB86659FD93ull;
  mixed ^= mixed >> 32;
  return static_cast<std::uint32_t>(mixed);
}

__host__ __device__ inline Record make_record(std::uint32_t owner, std::uint64_t word_index,
                                              std::uint64_t epoch, std::uint64_t seed) {
  return ((epoch & kEpochMask) << 40) | (static_cast<std::uint64_t>(owner) << 32) |
         record_hash(owner, word_index, epoch, seed);
}

__host__ __device__ inline std::uint64_t record_epoch(Record record) { return record >> 40; }
__host__ __device__ inline std::uint32_t record_owner(Record record) {
  return static_cast<std::uint32_t>(record >> 32) & 0xFF;
}

}  // namespace notifier
