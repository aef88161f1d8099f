// SPDX-License-Identifier: MIT
// What counts as wrong data, and the scans that look for it from the CPU's side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "harness/child_board.hpp"
#include "kernels/record.hpp"
#include "kernels/workload.hpp"

namespace notifier {

/// Classes of docs/measurement.md. The last two come from the software GPU's own checks.
enum class ViolationClass { kStale, kTorn, kLost, kForeign, kZero, kProtocol, kMissed };
inline constexpr std::size_t kViolationClasses = 7;
std::string_view to_string(ViolationClass violation_class);

struct ViolationCounts {
  std::array<std::uint64_t, kViolationClasses> counts{};
  std::uint64_t& operator[](ViolationClass which) {
    return counts[static_cast<std::size_t>(which)];
  }
  std::uint64_t operator[](ViolationClass which) const {
    return counts[static_cast<std::size_t>(which)];
  }
  std::uint64_t total() const;
  ViolationCounts& operator+=(const ViolationCounts& other);
};

/// Identity of a workload buffer's records.
struct RecordIdentity {
  std::uint64_t seed = 0;
  std::uint32_t owner = kFirstDeviceOwner;
};

/// Classifies what a lane found in a word where `expected` should have been.
ViolationClass classify_device_view(std::uint64_t observed, std::uint64_t expected,
                                    std::uint64_t word_index, const RecordIdentity& identity);

/// Newest and oldest pass that may have left its record in a word, seen from the CPU.
struct PassWindow {
  std::uint64_t completed_before = 0;  // passes the wave had published before the CPU read the word
  std::uint64_t completed_after = 0;   // and after it
};

/// What the CPU may see in `observed`; empty when it is right. `host_epoch` is the epoch of the
/// host's last reset record, legitimate while `host_records_remain`.
std::optional<ViolationClass> classify_host_view(std::uint64_t observed, std::uint64_t word_index,
                                                 const RecordIdentity& identity,
                                                 const PassWindow& window,
                                                 bool host_records_remain);

/// Fills words [begin, end) of the buffer at `words` (index 0 = word 0) with the host's records.
void fill_with_host_records(std::uint64_t* words, std::uint64_t begin, std::uint64_t end,
                            std::uint64_t epoch, std::uint64_t seed);

/// Scans a private copy as a forked child does: no allocation, no lock. `newest_epoch` is the last
/// epoch that a device write may carry; a newer one reached the child after the fork. Returns a
/// digest of all words, equal for equal content.
std::uint64_t scan_child_copy(const std::uint64_t* slice, std::uint64_t begin_word,
                              std::uint64_t count, const RecordIdentity& identity,
                              std::uint64_t newest_epoch, ChildFindings& findings);

}  // namespace notifier
