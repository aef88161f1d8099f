// SPDX-License-Identifier: MIT
// Who wrote a word, and when: every aligned 8-byte word holds a record (kernels/record.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace notifier::pin {

enum class Writer : std::uint8_t { kProcess = 1, kDevice = 2, kSecondDevice = 3, kChild = 250 };

// One event has at most three generations of data.
inline constexpr std::uint64_t kInitialEpoch = 1;      // by the process, before anything happens
inline constexpr std::uint64_t kFirstWriterEpoch = 2;  // by the first writer after the perturbation
inline constexpr std::uint64_t kFinalEpoch = 3;        // by the device, or by the process for it

/// What a range of words holds. The counts add up to `total`.
struct WordCounts {
  std::uint64_t total = 0;
  std::uint64_t device = 0;         // epoch 3, written by a device
  std::uint64_t process_final = 0;  // epoch 3, written by the process
  std::uint64_t process_first = 0;  // epoch 2
  std::uint64_t process_initial = 0;
  std::uint64_t child = 0;
  std::uint64_t second_device = 0;
  std::uint64_t zero = 0;
  std::uint64_t torn = 0;  // no writer left this word whole

  bool operator==(const WordCounts&) const = default;
};

/// Fills `memory`, whose first word has index 0, with records.
void write_words(std::span<std::byte> memory, Writer writer, std::uint64_t epoch,
                 std::uint64_t seed);

/// Does not allocate: children use it.
WordCounts count_words(std::span<const std::byte> memory, std::uint64_t seed);

/// Changes when any word does. Does not allocate.
std::uint64_t digest_words(std::span<const std::byte> memory);

}  // namespace notifier::pin
