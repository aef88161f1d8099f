// SPDX-License-Identifier: MIT
// Bytes as read from an SMI event descriptor to events. Pure: no clock, no system call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "driver_event.hpp"

namespace notifier {

// A read may end in the middle of a line (kfd_facts §5), so the parser keeps the rest for the next
// call. NUL bytes are dropped: kernels 6.12 to December 2025 put one before a restore's newline.
class DriverEventParser {
 public:
  struct Counts {
    std::uint64_t lines = 0;      // complete, not empty
    std::uint64_t unknown = 0;    // well-formed id that this code does not know
    std::uint64_t malformed = 0;  // no id, fields missing, or longer than any driver writes
  };

  /// Appends the events of every line completed by `bytes` to `events`. A malformed line gives no
  /// event and is counted.
  void feed(std::string_view bytes, std::vector<DriverEvent>& events);

  const Counts& counts() const { return counts_; }
  std::string_view last_malformed() const { return last_malformed_.view(); }
  /// Bytes of a line whose end has not been read yet.
  std::size_t pending_bytes() const { return line_size_; }

 private:
  void end_line(std::vector<DriverEvent>& events);

  // Twice KFD_SMI_EVENT_MSG_SIZE and more; a longer line is no driver event.
  static constexpr std::size_t kLongestLine = 512;
  std::array<char, kLongestLine> line_{};
  std::size_t line_size_ = 0;
  bool overlong_ = false;
  Counts counts_;
  BoundedText last_malformed_;
};

/// One line without its newline and without NUL bytes. Empty if malformed; kUnknown for a new id.
std::optional<DriverEvent> parse_driver_event(std::string_view line);

}  // namespace notifier
