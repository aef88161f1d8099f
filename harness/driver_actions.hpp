// SPDX-License-Identifier: MIT
// What the driver did during a run, by its own events, and whether that is what was asked for:
// which way a runtime takes to memory and recovery changes from version to version (kfd_facts §0.1,
// §0.29), so each row says what was seen.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "driver_event.hpp"

namespace notifier {

class DriverActions {
 public:
  void add(const DriverEvent& event);

  std::uint64_t evictions() const;
  std::uint64_t restores_rescheduled() const { return rescheduled_; }

  /// "preempt" where queues were evicted, else "retry_fault" where faults were served, else "none".
  std::string_view recovery_observed() const;

  /// "evict_userptr=30 restore=30 unmap_mmu_notify=4 fault=2": kinds and triggers that were seen,
  /// with their number. A trigger that is not known is given as its number. Empty: nothing was
  /// seen.
  std::string describe() const;

  /// Whether something was done that memory of this path does not ask for: queues evicted by
  /// another trigger than its own (0 SVM, 1 userptr, kfd_facts §0.2), an SVM range that stopped
  /// queues with retry faults on, or faults served where none were asked for. Words as in
  /// summary.csv.
  bool differs_from(std::string_view memory_path, std::string_view recovery) const;

 private:
  static constexpr std::size_t kTriggers = 7;  // the last one: any that is not known
  using Counts = std::array<std::uint64_t, kTriggers>;

  static std::size_t slot(const DriverEvent& event);
  static void describe(std::string& text, std::string_view verb, DriverEventKind kind,
                       const Counts& counts);

  Counts evictions_{};
  Counts unmaps_{};
  Counts migrations_{};
  std::uint64_t restores_ = 0;
  std::uint64_t rescheduled_ = 0;
  std::uint64_t faults_ = 0;
};

}  // namespace notifier
