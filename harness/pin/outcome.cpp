// SPDX-License-Identifier: MIT
#include "harness/pin/outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace notifier::pin {
namespace {

constexpr std::array<std::string_view, 6> kOutcomes = {"coherent", "fault",         "orphan",
                                                       "mixed",    "reaches_child", "torn"};
constexpr std::array<std::string_view, 6> kOwners = {"unknown", "process", "child",
                                                     "both",    "nobody",  "mixed"};

Outcome classify_write(const Observation& seen) {
  const std::uint64_t total = seen.process.total;
  if (seen.child && seen.child->words.device > 0) return Outcome::kReachesChild;
  if (seen.process_has_memory && seen.process.device == total) return Outcome::kCoherent;
  if (seen.process_has_memory && seen.process.device > 0) return Outcome::kMixed;
  if (seen.device && seen.device->device != seen.device->total) {
    throw std::runtime_error(
        fmt::format("the device wrote, but reads back only {} of {} words of its own",
                    seen.device->device, seen.device->total));
  }
  return Outcome::kOrphan;
}

Outcome classify_read(const Observation& seen) {
  const WordCounts& device = seen.device.value();
  if (device.child > 0) return Outcome::kReachesChild;
  if (!seen.process_has_memory) return Outcome::kOrphan;
  const std::uint64_t newest =
      seen.process_wrote_last ? device.process_final : device.process_initial;
  if (newest == device.total) return Outcome::kCoherent;
  return newest == 0 ? Outcome::kOrphan : Outcome::kMixed;
}

}  // namespace

std::string_view to_string(Outcome outcome) { return kOutcomes[static_cast<std::size_t>(outcome)]; }
std::string_view to_string(PageOwner owner) { return kOwners[static_cast<std::size_t>(owner)]; }

Outcome classify(const Observation& seen) {
  if (seen.error == EFAULT) return Outcome::kFault;
  if (seen.error != 0) {
    throw std::runtime_error(fmt::format("the transfer failed: {}", std::strerror(seen.error)));
  }
  const std::uint64_t torn = seen.process.torn + (seen.device ? seen.device->torn : 0) +
                             (seen.child ? seen.child->words.torn : 0);
  if (torn > 0) return Outcome::kTorn;
  const Outcome outcome =
      seen.direction == Direction::kDeviceWrites ? classify_write(seen) : classify_read(seen);
  // A child whose copy changed has been reached, whatever the process sees.
  return words_changed_in_child(seen) > 0 ? std::max(outcome, Outcome::kReachesChild) : outcome;
}

std::uint64_t words_changed_in_child(const Observation& seen) {
  if (!seen.child || !seen.child->mapped || !seen.child_first) return 0;
  const WordCounts& last = seen.child->words;
  if (seen.child_has_written) return last.total - last.child;
  const WordCounts& first = seen.child_first->words;
  const std::uint64_t kept = std::min(first.process_initial, last.process_initial) +
                             std::min(first.process_first, last.process_first) +
                             std::min(first.process_final, last.process_final) +
                             std::min(first.device, last.device) + std::min(first.zero, last.zero);
  return last.total - kept;
}

PageOwner find_owner(std::span<const PageEntry> original, std::span<const PageEntry> process,
                     std::span<const PageEntry> child) {
  std::size_t with_process = 0;
  std::size_t with_child = 0;
  for (std::size_t i = 0; i < original.size(); ++i) {
    const std::uint64_t frame = original[i].frame();
    if (frame == 0) return PageOwner::kUnknown;
    if (i < process.size() && process[i].frame() == frame) ++with_process;
    if (i < child.size() && child[i].frame() == frame) ++with_child;
  }
  const std::size_t all = original.size();
  if (with_process == all && with_child == all) return PageOwner::kBoth;
  if (with_process == all && with_child == 0) return PageOwner::kProcess;
  if (with_process == 0 && with_child == all) return PageOwner::kChild;
  if (with_process == 0 && with_child == 0) return PageOwner::kNobody;
  return PageOwner::kMixed;
}

}  // namespace notifier::pin
