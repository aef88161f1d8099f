// SPDX-License-Identifier: MIT
// Handshake between the worker and a forked child, on one shared page.
#pragma once

#include <atomic>
#include <cstdint>

namespace notifier {

/// Violations that a child found in its own copy of the memory.
struct ChildFindings {
  std::uint64_t words_checked;
  std::uint64_t torn;
  std::uint64_t foreign;  // a device write reached the child, or the copy changed between two scans
  std::uint64_t zero;
  std::uint64_t has_first;  // 0: no single word is known
  std::uint64_t first_word;
  std::uint64_t first_observed;

  /// Counts one more in `count`, which is one of the above, with its word.
  void add(std::uint64_t& count, std::uint64_t word, std::uint64_t observed) {
    ++count;
    if (has_first != 0) return;
    has_first = 1;
    first_word = word;
    first_observed = observed;
  }
};

/// Lives in a MAP_SHARED page, so that parent and child see one copy. Every wait is a futex wait on
/// one of the two 32-bit words; a dead parent ends the child by PDEATHSIG.
struct ChildBoard {
  std::atomic<std::uint32_t> request;  // parent to child, counts up
  std::atomic<std::uint32_t> reply;    // child to parent, counts up
  std::uint64_t newest_epoch_allowed;  // set by the parent before the first request
  std::uint64_t newest_epoch_valid;    // 0: no device epoch may be judged (no pass completed yet)
  ChildFindings findings;

  /// Maps a zeroed board; throws std::system_error.
  static ChildBoard* create();
  void clear();
  void post_request();
  void post_reply();
  /// Blocks until the word has reached `value`.
  void wait_for_request(std::uint32_t value);
  /// Returns false when the child `child` ended before it replied.
  bool wait_for_reply(std::uint32_t value, int child);
};

}  // namespace notifier
