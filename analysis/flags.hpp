// SPDX-License-Identifier: MIT
// Flags of a sample or of a run: words separated by blanks. Nothing is discarded because of a flag;
// a flag that taints keeps its event out of the summary of unflagged events.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace notifier::analysis {

enum class Taint : std::uint8_t { kNo, kYes };

struct FlagInfo {
  std::string_view name;
  Taint taint;
  std::string_view meaning;
};

std::span<const FlagInfo> all_flags();

// Adds the word unless it is there already.
void add_flag(std::string& flags, std::string_view name);
bool has_flag(std::string_view flags, std::string_view name);
bool is_tainted(std::string_view flags);
// The first word that all_flags() does not know, or an empty view.
std::string_view find_unknown_flag(std::string_view flags);

}  // namespace notifier::analysis
