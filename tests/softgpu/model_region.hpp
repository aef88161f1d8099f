// SPDX-License-Identifier: MIT
// Memory of the random model, and what each of its pages must hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "test_device.hpp"

namespace softgpu_test {

inline constexpr std::size_t kPages = 8;
inline constexpr std::size_t kBytes = kPages * kPage;
inline constexpr std::size_t kWordsPerPage = kPage / 8;
inline constexpr std::size_t kWords = kPages * kWordsPerPage;

/// Pages or words [first, end) of a region.
struct Part {
  std::size_t first = 0;
  std::size_t end = 0;

  std::size_t size() const { return end - first; }
  bool contains(std::size_t index) const { return index >= first && index < end; }
  Part words_of_pages() const { return {first * kWordsPerPage, end * kWordsPerPage}; }
};

/// kSystem needs retry faults. kAttributes: the program's own memory, opened by hsaKmtSVMSetAttr.
enum class Kind { kUserptr, kManaged, kAttributes, kSystem };

struct Region {
  Kind kind = Kind::kUserptr;
  char* host = nullptr;
  std::uint64_t device = 0;
  std::vector<std::uint64_t> expected;  // of each word
  bool replaced = false;  // other memory has come into some place: no longer what HIP allocated

  /// Fresh memory.
  void make(Kind wanted);
  /// Of a userptr BO: ends and begins it, around the same memory or around fresh memory.
  void register_anew(bool fresh_memory);
  /// Of an SVM range: of these pages, or of the whole where it must be.
  void set_some_attribute(std::mt19937_64& random, const Part& pages);

  /// These pages hold zeros from now on.
  void expect_zeros(const Part& pages);

  bool migrates() const { return kind == Kind::kManaged || kind == Kind::kAttributes; }
  char* page(std::size_t index) const { return host + index * kPage; }
  std::uint64_t* word(std::size_t index) const {
    return reinterpret_cast<std::uint64_t*>(host) + index;
  }
  std::uint64_t device_word(std::size_t index) const {
    return device + index * sizeof(std::uint64_t);
  }
};

/// Opens memory to the device as a userptr BO; its address there. The thunk's steps do not wait for
/// the kernel, as HIP's would.
std::uint64_t open_to_device(char* memory, std::size_t bytes);
void close_to_device(char* memory);

}  // namespace softgpu_test
