// SPDX-License-Identifier: MIT
// Memory of the random model, and what each of its pages must hold.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>

#include "test_device.hpp"

namespace softgpu_test {

inline constexpr std::size_t kPages = 8;
inline constexpr std::size_t kBytes = kPages * kPage;
inline constexpr std::size_t kWordsPerPage = kPage / 8;

/// kSystem needs retry faults. kAttributes: the program's own memory, opened by hsaKmtSVMSetAttr.
enum class Kind { kUserptr, kManaged, kAttributes, kSystem };

/// One word per page is used, the rest is zero.
struct Region {
  Kind kind = Kind::kUserptr;
  char* host = nullptr;
  std::uint64_t device = 0;
  std::array<std::uint64_t, kPages> expected{};
  bool replaced = false;  // other memory has come into some place: no longer what HIP allocated

  /// Fresh memory.
  void make(Kind wanted);
  /// Of a userptr BO: ends and begins it, around the same memory or around fresh memory.
  void register_anew(bool fresh_memory);
  /// Of an SVM range: of pages [first, end), or of the whole where it must be.
  void set_some_attribute(std::mt19937_64& random, std::size_t first, std::size_t end);

  bool migrates() const { return kind == Kind::kManaged || kind == Kind::kAttributes; }
  std::uint64_t* word(std::size_t page) const {
    // Not the same word of each page, or a page in another's place would not be noticed.
    return reinterpret_cast<std::uint64_t*>(host + page * kPage) + page * 7 % kWordsPerPage;
  }
  std::uint64_t device_word(std::size_t page) const {
    return device + static_cast<std::uint64_t>(reinterpret_cast<char*>(word(page)) - host);
  }
};

}  // namespace softgpu_test
