// SPDX-License-Identifier: MIT
// Stalls counted in fixed bins, and the known time constants that they may sit on. The bins are the
// same for every case, machine and version, so that histograms add up and compare. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/schema.hpp"

namespace notifier {

/// A time constant of kernel or driver that shows in latencies.
struct Quantum {
  double duration_ns;
  const char* name;
  const char* meaning;
};
std::span<const Quantum> known_quanta();

struct HistogramBin {
  double low_ns = 0;
  std::optional<double> high_ns;     // exclusive; empty: overflow
  const Quantum* quantum = nullptr;  // the bin is what lies on this constant
};

/// Five bins a decade from 1 µs to 10 s, cut where a quantum's own bin lies, one below and one
/// above. A quantum's bin reaches from 2 % below it to 10 % (at least 300 µs) above: a timer is
/// late, and what waits for it takes its time.
std::span<const HistogramBin> histogram_bins();

class LatencyHistogram {
 public:
  void add(std::span<const analysis::SampleRow> samples);

  std::int64_t events() const;
  /// The quantum that at least half of the events lie on. Empty below 10 events.
  const Quantum* sits_on() const;
  /// Bins that are not empty, one line each: range, events, shams, bar, and the quantum.
  std::string describe() const;
  /// [[low_ns, high_ns or null, events, shams], ...] of the bins that are not empty.
  nlohmann::json to_json() const;

 private:
  struct Count {
    std::int64_t events = 0;
    std::int64_t shams = 0;
  };
  std::vector<Count> counts_ = std::vector<Count>(histogram_bins().size());
};

}  // namespace notifier
