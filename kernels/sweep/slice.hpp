// SPDX-License-Identifier: MIT
// Which words of the buffer a lane visits, and when.
#pragma once

#include <cstdint>

#include "../workload.hpp"

namespace notifier::device {

// Word indices [begin, end).
struct WordRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  __device__ __forceinline__ bool empty() const { return begin >= end; }
  __device__ __forceinline__ bool contains(std::uint64_t word) const {
    return word >= begin && word < end;
  }
  __device__ __forceinline__ bool covers(const WordRange& other) const {
    return other.empty() || (other.begin >= begin && other.end <= end);
  }
};

// Wave w of W owns lines [w*L/W, (w+1)*L/W) of the L lines; its lanes take them in turn.
class Slice {
 public:
  __device__ __forceinline__ Slice(std::uint64_t size_words, std::uint64_t wave,
                                   std::uint64_t waves, std::uint64_t lane, std::uint64_t lanes)
      : lane_(lane), lanes_(lanes) {
    const std::uint64_t lines = size_words / kWordsPerLine;
    first_line_ = wave * lines / waves;
    end_line_ = (wave + 1) * lines / waves;
  }

  // Iterations of one pass, the same for all lanes of the wave. A wave without lines has one, so
  // that it goes on reading the clock and the command.
  __device__ __forceinline__ std::uint64_t iterations_per_pass() const {
    const std::uint64_t iterations = (end_line_ - first_line_ + lanes_ - 1) / lanes_;
    return iterations == 0 ? 1 : iterations;
  }

  __device__ __forceinline__ std::uint64_t line(std::uint64_t iteration) const {
    return first_line_ + iteration * lanes_ + lane_;
  }

  __device__ __forceinline__ bool contains_line(std::uint64_t line) const {
    return line < end_line_;
  }

 private:
  std::uint64_t first_line_;
  std::uint64_t end_line_;
  std::uint64_t lane_;
  std::uint64_t lanes_;
};

}  // namespace notifier::device
