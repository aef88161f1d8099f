// SPDX-License-Identifier: MIT
// The part of a wave that every memory access touches, and the slow paths behind it.
#pragma once

#include <atomic>
#include <cstdint>

namespace softgpu {

/// Bits of WaveContext::attention: why the next access has to take the slow path.
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

/// What a kernel holds over preemptions, on its thread's stack; nothing where `count` is 0.
struct HeldWords {
  std::uint64_t* words;
  std::uint64_t count;
};

/// Invariant that makes invalidation safe: a wave holds a translation only between two preemption
/// points. Whoever sets an attention bit takes the limits back and waits for the wave's
/// acknowledgement, which the wave gives before an access, never between looking at a limit and the
/// end of the access.
///
/// The limits are recent.size and recent.writable_size, or 0 while somebody wants attention: one
/// comparison answers both "does the translation cover the address" and "may the wave go on". The
/// wave gives itself limits, store_limit last, then looks at `attention`; others set `attention`,
/// then take the limits away, store_limit first. All but load_limit is sequentially consistent, so
/// one of the two sees the other: no limit outlives the request. The exchange of store_limit
/// orders the two writes of load_limit.
struct WaveContext {
  alignas(64) std::atomic<std::uintptr_t> load_limit;
  std::atomic<std::uintptr_t> store_limit;
  // 0 - recent.device_begin: to add it to an address is one instruction, to subtract two.
  std::uintptr_t minus_device_begin;
  Translation recent;  // the wave's own, as all up to `attention`
  std::uint32_t wave_index;
  std::uint32_t wave_count;
  HeldWords held_registers;
  HeldWords held_local;
  alignas(64) std::atomic<std::uint32_t> attention;  // written by others

  void request_attention(std::uint32_t bits) {
    attention.fetch_or(bits, std::memory_order_seq_cst);
    store_limit.exchange(0, std::memory_order_seq_cst);
    load_limit.store(0, std::memory_order_relaxed);
  }
};

/// The wave that this thread runs; null on threads that run no kernel.
extern constinit thread_local WaveContext* current_wave __attribute__((tls_model("initial-exec")));

/// The same for kernels. A kernel runs on one thread from its begin to its end, so the compiler may
/// ask once and keep the answer: to ask before every access makes a sweep a third slower.
[[gnu::const]] WaveContext& running_wave();

/// Slow paths: acknowledge attention, then translate anew and do the access.
std::uint64_t slow_load(WaveContext& wave, std::uintptr_t device_address);
void slow_store(WaveContext& wave, std::uintptr_t device_address, std::uint64_t value);

/// Device clock, 100 MHz. Also a preemption point, so that a wave that only waits can be stopped.
std::uint64_t wave_clock_ticks(WaveContext& wave);

}  // namespace softgpu
