// SPDX-License-Identifier: MIT
#include "analysis/flags.hpp"

#include <algorithm>
#include <array>

namespace notifier::analysis {
namespace {

constexpr std::array kTable = {
    FlagInfo{"lost_cpu", Taint::kYes,
             "the operating system took the CPU from a software wave or from the caller"},
    FlagInfo{"incoherent", Taint::kYes,
             "stall by the device's clock and by CPU and driver stamps differ by more than the "
             "residual"},
    FlagInfo{"unreliable", Taint::kYes, "the run's meter validation failed"},
    FlagInfo{"interrupted", Taint::kYes, "the run was stopped before this was complete"},
    FlagInfo{"gaps_lost", Taint::kYes, "a wave's ring of gaps overflowed"},
    FlagInfo{"events_lost", Taint::kYes, "the driver's event queue overflowed"},
    FlagInfo{"not_quiet", Taint::kYes, "the driver did not become quiet before the time limit"},
    FlagInfo{"backing_mismatch", Taint::kYes,
             "before the event the memory was not backed as the case says"},
    FlagInfo{"unproven", Taint::kYes,
             "nothing shows that the event's operation happened (docs/cases.md names what should)"},
    FlagInfo{"recovery_differs", Taint::kNo,
             "the driver got out of the way otherwise than was asked of this memory, or for other "
             "memory: driver_actions says how"},
    FlagInfo{"unexpected_evictions", Taint::kNo,
             "an event evicted more often than its case expects, a sham at all: a false "
             "invalidation, or somebody else's (NUMA balancing, khugepaged, compaction)"},
    FlagInfo{"below_floor", Taint::kNo, "the stall is below the run's false-stall floor"},
};

const FlagInfo* find(std::string_view name) {
  const auto* found = std::find_if(kTable.begin(), kTable.end(),
                                   [&](const FlagInfo& flag) { return flag.name == name; });
  return found == kTable.end() ? nullptr : found;
}

// Calls use(word) for each word until it returns true; tells whether one did.
template <typename Use>
bool any_word(std::string_view flags, Use use) {
  while (!flags.empty()) {
    const std::size_t end = std::min(flags.find(' '), flags.size());
    if (end > 0 && use(flags.substr(0, end))) return true;
    flags.remove_prefix(std::min(end + 1, flags.size()));
  }
  return false;
}

}  // namespace

std::span<const FlagInfo> all_flags() { return kTable; }

void add_flag(std::string& flags, std::string_view name) {
  if (has_flag(flags, name)) return;
  if (!flags.empty()) flags += ' ';
  flags += name;
}

bool has_flag(std::string_view flags, std::string_view name) {
  return any_word(flags, [&](std::string_view word) { return word == name; });
}

bool is_tainted(std::string_view flags) {
  return any_word(flags, [](std::string_view word) {
    const FlagInfo* flag = find(word);
    return flag != nullptr && flag->taint == Taint::kYes;
  });
}

std::string_view find_unknown_flag(std::string_view flags) {
  std::string_view unknown;
  any_word(flags, [&](std::string_view word) {
    if (find(word) != nullptr) return false;
    unknown = word;
    return true;
  });
  return unknown;
}

}  // namespace notifier::analysis
