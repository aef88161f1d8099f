// SPDX-License-Identifier: MIT
// How often the clocks of a recording agreed about the length of a stall.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "analysis/schema.hpp"

namespace notifier {

class CoherenceCount {
 public:
  void add(std::span<const analysis::SampleRow> samples);

  /// For the manifest: events in all, with an eviction in the stall, of these not tainted by
  /// another flag ("checked"), of these incoherent, the share that agrees, and the largest
  /// difference between stall_ns and driver_stall_ns among those that agree.
  nlohmann::json to_json() const;
  /// One line, empty when nothing could be checked.
  std::string describe() const;

 private:
  std::int64_t events_ = 0;
  std::int64_t decomposed_ = 0;
  std::int64_t checked_ = 0;
  std::int64_t incoherent_ = 0;
  double largest_difference_ns_ = 0;
};

}  // namespace notifier
