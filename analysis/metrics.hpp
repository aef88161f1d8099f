// SPDX-License-Identifier: MIT
// The list of metrics: the columns of samples.csv, the values of summary.csv's `metric`, and the
// order in which a case's headline metric is chosen all follow from it. A new metric is one
// enumerator and one row of the table in metrics.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace notifier::analysis {

enum class Metric : std::uint8_t {
  // one value per event: a column of samples.csv each, in this order
  kSyscall,
  kStall,
  kStallMedianWave,
  kStallTotal,
  kGaps,
  kCallToEvict,
  kEvictToStop,
  kStopToRestore,
  kNotifier,
  kRestoreDelay,
  kRevalidation,
  kRestoreToProgress,
  kDriverStall,
  kPreempt,
  kFault,
  kFaults,
  kCallToFault,
  kMigrate,
  kPagesMigrated,
  kMinorFaults,
  kFirstWrite,
  kDrain,
  kBystanderQueueStall,
  kBystanderDeviceStall,
  kBystanderDeviceEvictions,
  kBystanderProcessStall,
  kBystanderProcessEvictions,
  kTimerLate,
  kWorkLost,
  // one value per run: only in summary.csv, with n = 1
  kIteration,
  kStallFloor,
  kRegister,
  kContextBytes,
};

inline constexpr std::size_t kEventMetricCount = static_cast<std::size_t>(Metric::kWorkLost) + 1;
inline constexpr std::size_t kMetricCount = static_cast<std::size_t>(Metric::kContextBytes) + 1;

enum class Better : std::uint8_t { kLower, kHigher, kNone };

// What a metric is stamped with. Differences between several clocks are no finer than the residual
// of their correlation.
enum class Clocks : std::uint8_t { kNone, kOne, kSeveral };

struct MetricInfo {
  Metric metric;
  std::string_view name;
  std::string_view unit;
  Better better;
  Clocks clocks;
  int headline_order;  // 1 is the first choice for a case's headline; 0 is never one
  std::string_view meaning;
};

std::span<const MetricInfo> all_metrics();
std::span<const MetricInfo> event_metrics();  // the first kEventMetricCount of all_metrics()
const MetricInfo& info(Metric metric);
std::optional<Metric> find_metric(std::string_view name);
constexpr std::size_t index_of(Metric metric) { return static_cast<std::size_t>(metric); }
// A difference between two clocks can come out negative within their residual; nothing else can.
bool may_be_negative(std::string_view name);
constexpr bool is_event_metric(Metric metric) { return index_of(metric) < kEventMetricCount; }

}  // namespace notifier::analysis
