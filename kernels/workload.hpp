// SPDX-License-Identifier: MIT
// Interface of the persistent workload kernel: what the host gives it, what it reports back.
//
// The kernel sweeps a buffer without end. In pass p (1, 2, ...) a lane visits word (p mod 8) of
// each 64-byte line of its slice: it reads the word and compares it with the record it left there
// eight passes ago, stores the record of pass p, reads the word back, compares, and stamps the
// device clock. A pass therefore touches every line, and eight passes touch every word.
//
// All structures below live in fine-grained host memory that is never perturbed and never copied by
// fork. Every field is one aligned 8-byte word, read and written with system-scope relaxed
// accesses; `Command::generation` is published last and read with acquire order.
#pragma once

#include <hip/hip_runtime.h>

#include <cstdint>

namespace notifier {

inline constexpr std::uint64_t kWordsPerLine = 8;
inline constexpr std::uint64_t kIterationsPerPoll = 64;  // control is polled and progress published
inline constexpr std::uint64_t kViolationsKeptPerLane = 16;

// Outcomes other than the expected record that a running event makes legitimate.
enum AllowedOutcome : std::uint64_t { kAllowNothing = 0, kAllowZero = 1, kAllowOlder = 2 };

// Host to kernel. Word indices count from the start of the buffer; ranges are [begin, end).
struct alignas(64) Command {
  std::uint64_t generation;           // changes when the fields below have changed
  std::uint64_t stop;                 // non-zero: leave the kernel
  std::uint64_t excluded_begin_word;  // lanes stay out of this range while it is not empty
  std::uint64_t excluded_end_word;
  std::uint64_t reset_begin_word;  // the host rewrote this range with make_record(kHostOwner,
  std::uint64_t reset_end_word;    //   word, reset_epoch, seed) while it was excluded;
  std::uint64_t reset_epoch;       //   taken over when reset_generation == generation
  std::uint64_t reset_generation;
  std::uint64_t allowed_begin_word;  // in this range the outcomes in allowed_mask are legitimate
  std::uint64_t allowed_end_word;
  std::uint64_t allowed_mask;
  std::uint64_t gap_threshold_ticks;  // longer gaps between two stamps go to the ring
  std::uint64_t pause_ticks;          // on acknowledging, stand still this long (meter validation)
  std::uint64_t pad[3];
};

// Kernel to host, one per wave, written by the wave's first lane.
struct alignas(64) WaveState {
  std::uint64_t acknowledged_generation;
  std::uint64_t iterations;         // lane iterations of this wave's first lane
  std::uint64_t passes;             // completed passes
  std::uint64_t last_clock_ticks;   // device clock when iterations and passes were published
  std::uint64_t gaps_recorded;      // total; the ring keeps the last gap_capacity
  std::uint64_t longest_gap_ticks;  // since the last acknowledged command, below threshold too
  std::uint64_t longest_gap_start_ticks;
  std::uint64_t finished;  // 0 running, 1 left on request, 2 left on the device-clock deadline
};

struct GapRecord {
  std::uint64_t start_ticks;   // last stamp before the gap
  std::uint64_t length_ticks;  // to the next stamp
};

// The last two: words that the wave itself holds (workload_full.hpp), numbered behind the buffer's.
enum class ViolationPhase : std::uint64_t {
  kBeforeStore = 1,
  kReadBack = 2,
  kHeldRegister = 3,
  kHeldLocalMemory = 4
};

struct ViolationRecord {
  std::uint64_t word_index;
  std::uint64_t observed;
  std::uint64_t expected;
  std::uint64_t clock_ticks;
  std::uint64_t phase;  // ViolationPhase
  std::uint64_t pass;
};

// Kernel to host, one per lane.
struct alignas(64) LaneState {
  std::uint64_t violations;     // all of them; only the first kViolationsKeptPerLane are kept
  std::uint64_t allowed_zeros;  // words found zero where that was legitimate
  std::uint64_t allowed_olders;
  std::uint64_t words_checked;
  ViolationRecord kept[kViolationsKeptPerLane];
};

// All pointers are device addresses. gaps holds gap_capacity records per wave, wave after wave.
struct WorkloadArguments {
  std::uint64_t* data;
  std::uint64_t size_words;  // multiple of kWordsPerLine
  Command* command;
  WaveState* waves;
  LaneState* lanes;
  GapRecord* gaps;
  std::uint64_t gap_capacity;
  std::uint64_t owner;
  std::uint64_t seed;
  std::uint64_t
      deadline_ticks;  // device-clock ticks after launch at which the kernel leaves by itself
};

struct WorkloadGrid {
  std::uint32_t waves;
  std::uint32_t lanes_per_wave;
};

/// Launches the workload on `stream`. Returns what hipLaunchKernel returned. The buffer must hold
/// make_record(kHostOwner, word, 0, seed) in every word.
hipError_t launch_workload(const WorkloadArguments& arguments, const WorkloadGrid& grid,
                           hipStream_t stream);

/// For hipFuncGetAttributes.
const void* workload_function();

}  // namespace notifier
