// SPDX-License-Identifier: MIT
// Which eviction belongs to which restore, and what has no partner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "driver_event.hpp"

namespace notifier {

// A driver drops messages silently when its FIFO is full, and a window may cut an eviction from
// its restore (kfd_facts §0.26). Either shows as an event without a partner.
struct EvictionPair {
  std::size_t eviction_index;  // into the span that was paired
  std::size_t restore_index;   // the restore after which the queues run again
  std::uint32_t gpu_id;
  std::uint32_t evictions = 1;             // 2 and more: userptr and SVM evictions nested (§4)
  std::uint32_t rescheduled_restores = 0;  // restores that were put off in between
};

struct EvictionPairing {
  std::vector<EvictionPair> pairs;
  std::vector<std::size_t> unpaired_evictions;
  std::vector<std::size_t> unpaired_restores;

  bool complete() const { return unpaired_evictions.empty() && unpaired_restores.empty(); }
};

/// Pairs the queue evictions and restores of each GPU in order. KFD counts nested evictions
/// (qpd->evicted in kfd_process_evict_queues), so queues run again after as many restores.
EvictionPairing pair_evictions(std::span<const DriverEvent> events);

// The same balance kept while events arrive, over the whole life of a listener.
class EvictionBalance {
 public:
  void add(const DriverEvent& event);
  /// Evictions whose restore has not been seen yet. Not zero while queues stand.
  std::uint64_t open_evictions() const { return open_evictions_; }
  std::uint64_t unpaired_restores() const { return unpaired_restores_; }

 private:
  struct Gpu {
    std::uint32_t gpu_id;
    std::uint64_t open;
  };
  Gpu& gpu(std::uint32_t gpu_id);

  std::vector<Gpu> gpus_;
  std::uint64_t open_evictions_ = 0;
  std::uint64_t unpaired_restores_ = 0;
};

}  // namespace notifier
