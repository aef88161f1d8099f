// SPDX-License-Identifier: MIT
#include "driver_event_pairing.hpp"

#include <map>

namespace notifier {
namespace {

// Evictions of one GPU that are still open, oldest first.
struct OpenEvictions {
  std::vector<std::size_t> indices;
  std::uint32_t restores = 0;
  std::uint32_t rescheduled = 0;
};

bool is_eviction(const DriverEvent& event) {
  return event.kind == DriverEventKind::kQueueEviction && event.gpu_id;
}

bool is_restore(const DriverEvent& event) {
  return event.kind == DriverEventKind::kQueueRestore && event.gpu_id;
}

}  // namespace

EvictionPairing pair_evictions(std::span<const DriverEvent> events) {
  EvictionPairing result;
  std::map<std::uint32_t, OpenEvictions> open_by_gpu;
  for (std::size_t index = 0; index < events.size(); ++index) {
    const DriverEvent& event = events[index];
    if (is_eviction(event)) {
      open_by_gpu[*event.gpu_id].indices.push_back(index);
    } else if (is_restore(event)) {
      OpenEvictions& open = open_by_gpu[*event.gpu_id];
      if (open.indices.empty()) {
        // A rescheduled restore asks for nothing: restore work runs for other reasons too.
        if (!event.rescheduled) result.unpaired_restores.push_back(index);
        continue;
      }
      if (event.rescheduled) {
        ++open.rescheduled;
        continue;
      }
      if (++open.restores < open.indices.size()) continue;
      result.pairs.push_back({.eviction_index = open.indices.front(),
                              .restore_index = index,
                              .gpu_id = *event.gpu_id,
                              .evictions = open.restores,
                              .rescheduled_restores = open.rescheduled});
      open = {};
    }
  }
  for (const auto& [gpu_id, open] : open_by_gpu) {
    // Restores close the evictions that came last first only in count; the oldest are named here.
    const std::size_t unpaired = open.indices.size() - open.restores;
    result.unpaired_evictions.insert(result.unpaired_evictions.end(), open.indices.begin(),
                                     open.indices.begin() + static_cast<std::ptrdiff_t>(unpaired));
  }
  return result;
}

EvictionBalance::Gpu& EvictionBalance::gpu(std::uint32_t gpu_id) {
  for (Gpu& known : gpus_) {
    if (known.gpu_id == gpu_id) return known;
  }
  gpus_.push_back({.gpu_id = gpu_id, .open = 0});
  return gpus_.back();
}

void EvictionBalance::add(const DriverEvent& event) {
  if (is_eviction(event)) {
    ++gpu(*event.gpu_id).open;
    ++open_evictions_;
  } else if (is_restore(event) && !event.rescheduled) {
    Gpu& known = gpu(*event.gpu_id);
    if (known.open == 0) {
      ++unpaired_restores_;
    } else {
      --known.open;
      --open_evictions_;
    }
  }
}

}  // namespace notifier
