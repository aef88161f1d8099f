// SPDX-License-Identifier: MIT
// What a vCPU of the notifier benchmark does: it goes round the pages of one range without end.
#pragma once

#include <cstddef>
#include <cstdint>

namespace notifier {

enum SweepOrder : std::uint64_t {
  kSweepAway = 0,   // stay off the memory
  kSweepRead = 1,   // load one word of each page
  kSweepWrite = 2,  // store one word of each page and read it back
  kSweepEnd = 3,
};

/// Host and vCPU talk through one page of shared memory: it is never copied on write. Each side's
/// words have a cache line of their own.
struct SweepBoard {
  // From the host. A new number of the order also starts the longest gap anew.
  alignas(64) std::uint64_t order_number;
  std::uint64_t order;
  // From the vCPU.
  alignas(64) std::uint64_t acknowledged;  // number of the order that it obeys
  std::uint64_t passes;                    // whole rounds since then
  std::uint64_t longest_gap_ticks;         // between two pages, since then
};

struct SweepArguments {
  SweepBoard* board;
  std::uint64_t* memory;
  std::uint64_t pages;
};

inline constexpr std::uint64_t kSweepPageWords = 4096 / sizeof(std::uint64_t);
// Which word of a page the vCPUs store to.
inline constexpr std::size_t kSweepWord = 8;

}  // namespace notifier
