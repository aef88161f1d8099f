// SPDX-License-Identifier: MIT
// Who else is watched while the memory is perturbed: work that takes no part in it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace notifier {

enum class Bystander {
  kQueue,    // a second queue of the process, on the same device
  kDevice,   // a queue of the process on a second device
  kProcess,  // a second process with a queue of its own, on the same device
  kTimer     // a thread of the process that wants to run at fixed times
};
inline constexpr std::size_t kBystanders = 4;

std::string_view to_string(Bystander bystander);

class BystanderSet {
 public:
  bool has(Bystander bystander) const { return wanted_[static_cast<std::size_t>(bystander)]; }
  void add(Bystander bystander) { wanted_[static_cast<std::size_t>(bystander)] = true; }
  bool empty() const { return *this == BystanderSet{}; }
  bool operator==(const BystanderSet&) const = default;

  /// "queue,device,process,timer"; "none" when empty.
  std::string words() const;

 private:
  std::array<bool, kBystanders> wanted_{};
};

/// Inverse of words(); "all" is everybody. Empty when a word is unknown.
std::optional<BystanderSet> parse_bystanders(std::string_view words);

}  // namespace notifier
