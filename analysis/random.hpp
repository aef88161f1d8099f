// SPDX-License-Identifier: MIT
// Random numbers whose sequence does not depend on the standard library: the same input gives the
// same bytes everywhere. xoshiro256** (Blackman and Vigna), seeded by splitmix64.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace notifier::analysis {

inline std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15ULL;
  std::uint64_t mixed = state;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
  return mixed ^ (mixed >> 31);
}

// FNV-1a, for seeds from names.
inline std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char character : text) {
    hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001B3ULL;
  }
  return hash;
}

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) word = splitmix64(seed);
  }

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // In [0, bound); bound < 2^32. The bias is below bound / 2^32.
  std::size_t below(std::size_t bound) { return ((next() >> 32) * bound) >> 32; }

  // Three numbers below bound from one step, for the bootstrap's inner loop; bound < 2^21, bias
  // below bound / 2^21.
  std::array<std::size_t, 3> three_below(std::size_t bound) {
    constexpr std::uint64_t kMask = (1U << 21) - 1;
    const std::uint64_t bits = next();
    return {((bits >> 42) & kMask) * bound >> 21, ((bits >> 21) & kMask) * bound >> 21,
            (bits & kMask) * bound >> 21};
  }

  // In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace notifier::analysis
