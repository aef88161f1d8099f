// SPDX-License-Identifier: MIT
// The part of a wave that every memory access touches, and the slow paths behind it.
#pragma once

#include <atomic>
#include <cstdint>

namespace softgpu {

/// Bits of WaveContext::attention. Any bit sends the next access to the slow path.
inline constexpr std::uint32_t kAttentionPark = 1;   // queues are being stopped
inline constexpr std::uint32_t kAttentionFlush = 2;  // translations must be dropped
inline constexpr std::uint32_t kAttentionPlant = 4;  // a planted fault watches every access

/// One cached device translation: [device_begin, device_begin + size) lies at device address +
/// delta. writable_size is size, or 0 for memory that the device may only read.
struct Translation {
  std::uintptr_t device_begin;
  std::uintptr_t size;
  std::uintptr_t writable_size;
  std::uintptr_t delta;
};

/// Invariant that makes invalidation safe: a wave holds a translation only between two preemption
/// points. Whoever sets an attention bit waits for the wave's acknowledgement, which the wave gives
/// before an access, never between looking at `attention` and the end of the access.
struct WaveContext {
  alignas(64) std::atomic<std::uint32_t> attention;  // written by others, read before every access
  alignas(64) Translation recent;                    // the wave's own, as all that follows
  std::uint32_t wave_index;
  std::uint32_t wave_count;
};

/// The wave that this thread runs; null on threads that run no kernel.
extern constinit thread_local WaveContext* current_wave __attribute__((tls_model("initial-exec")));

/// Slow paths: acknowledge attention, then translate anew and do the access.
std::uint64_t slow_load(WaveContext& wave, std::uintptr_t device_address);
void slow_store(WaveContext& wave, std::uintptr_t device_address, std::uint64_t value);

/// Device clock, 100 MHz. Also a preemption point, so that a wave that only waits can be stopped.
std::uint64_t wave_clock_ticks(WaveContext& wave);

}  // namespace softgpu
