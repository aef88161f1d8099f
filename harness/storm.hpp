// SPDX-License-Identifier: MIT
// One perturbation at a given rate while the kernel runs: how much work is left to it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/case_run.hpp"

namespace notifier {

/// Events per second that a storm goes through.
inline constexpr std::array<double, 9> kStormRates{1, 3, 10, 30, 100, 300, 1'000, 3'000, 10'000};

/// What one rate gave.
struct StormPoint {
  double wanted_per_s = 0;
  double done_per_s = 0;  // fewer where one event takes longer than the period
  double work_share = 0;  // iterations made, relative to those of an unperturbed kernel
  std::uint64_t events = 0;
  std::uint64_t evictions = 0;
  std::uint64_t restores = 0;     // that let the queues run
  std::uint64_t rescheduled = 0;  // that found the memory changed again
  std::uint64_t faults = 0;       // retry faults served
};

/// Work below this share is none: what is left are the moments between two evictions.
inline constexpr double kLivelockShare = 0.01;

/// The lowest rate from which on no point leaves more than kLivelockShare of the work; empty when
/// there is none.
std::optional<double> livelock_rate(std::span<const StormPoint> points);

nlohmann::json to_json(const StormPoint& point);
StormPoint storm_point_from_json(const nlohmann::json& json);

/// Goes through kStormRates, `seconds` each. Throws CannotPerform for a case whose events need more
/// than the call itself.
std::vector<StormPoint> run_storm(const CaseRequest& request, double seconds,
                                  DriverEventListener* driver_events, std::uint32_t node_id,
                                  const std::function<void(const std::string&)>& phase);

}  // namespace notifier
