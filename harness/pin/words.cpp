// SPDX-License-Identifier: MIT
#include "harness/pin/words.hpp"

#include "kernels/record.hpp"

namespace notifier::pin {
namespace {

void count_record(std::uint64_t word, std::uint64_t index, std::uint64_t seed, WordCounts& counts) {
  const std::uint64_t epoch = record_epoch(word);
  const std::uint32_t owner = record_owner(word);
  if (word != make_record(owner, index, epoch, seed)) {
    ++counts.torn;
    return;
  }
  switch (static_cast<Writer>(owner)) {
    case Writer::kDevice:
      ++counts.device;
      return;
    case Writer::kSecondDevice:
      ++counts.second_device;
      return;
    case Writer::kChild:
      ++counts.child;
      return;
    case Writer::kProcess:
      ++(epoch == kInitialEpoch       ? counts.process_initial
         : epoch == kFirstWriterEpoch ? counts.process_first
                                      : counts.process_final);
      return;
  }
  ++counts.torn;
}

}  // namespace

void write_words(std::span<std::byte> memory, Writer writer, std::uint64_t epoch,
                 std::uint64_t seed) {
  auto* words = reinterpret_cast<std::uint64_t*>(memory.data());
  for (std::uint64_t index = 0; index < memory.size() / sizeof(std::uint64_t); ++index) {
    const Record record = make_record(static_cast<std::uint32_t>(writer), index, epoch, seed);
    __atomic_store_n(words + index, record, __ATOMIC_RELAXED);
  }
}

WordCounts count_words(std::span<const std::byte> memory, std::uint64_t seed) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(memory.data());
  WordCounts counts;
  counts.total = memory.size() / sizeof(std::uint64_t);
  for (std::uint64_t index = 0; index < counts.total; ++index) {
    const std::uint64_t word = __atomic_load_n(words + index, __ATOMIC_RELAXED);
    if (word == 0) {
      ++counts.zero;
    } else {
      count_record(word, index, seed, counts);
    }
  }
  return counts;
}

std::uint64_t digest_words(std::span<const std::byte> memory) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(memory.data());
  std::uint64_t digest = 0xCBF29CE484222325ull;  // FNV-1a, by words
  for (std::size_t index = 0; index < memory.size() / sizeof(std::uint64_t); ++index) {
    digest = (digest ^ __atomic_load_n(words + index, __ATOMIC_RELAXED)) * 0x100000001B3ull;
  }
  return digest;
}

}  // namespace notifier::pin
