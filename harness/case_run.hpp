// SPDX-License-Identifier: MIT
// One run of one case inside a worker: check, warm up, calibrate, sample, verify, report.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/schema.hpp"
#include "analysis/summary.hpp"
#include "harness/bystander_set.hpp"
#include "harness/case.hpp"
#include "harness/driver_event_listener.hpp"
#include "kernels/workload.hpp"

namespace notifier {

struct DeviceInfo;

/// Events of a run of which a trace is kept: the longest stalls, or the first ones of all.
inline constexpr std::size_t kWorstTraced = 3;
inline constexpr std::size_t kMostTraced = 500;

/// Parts of the observation that can be left out to see what they cost.
enum class Observation : std::uint8_t { kNothing, kDriverEvents, kGapRing, kIntegrity };

struct CaseRequest {
  Case wanted;
  std::uint32_t events = 0;
  std::uint64_t seed = 0;
  WorkloadGrid grid{1, 1};
  bool trace_all = false;  // hand back every event's trace, not the worst ones alone
  Observation without = Observation::kNothing;  // driver events: by kNoDriverEventsVariable
  bool sacrifice = false;      // the worker is given for one event that is a fatal fault
  bool spare_hazards = false;  // leave hazardous perturbations out (a real GPU, no --hazardous)
  BystanderSet bystanders;
  std::string kernel_trace;  // tracefs instance with kprobes; empty: none
  std::string plant;         // self-test: class of the violation to plant, empty for none
  std::int64_t recording_start_ns = 0;  // CLOCK_MONOTONIC_RAW
  std::chrono::milliseconds patience{20'000};
  std::chrono::milliseconds time_limit{120'000};
};

struct CaseResult {
  analysis::SummaryRow identity;  // everything but names that only the parent knows
  std::vector<analysis::RunValue> run_values;
  std::vector<std::string> violations;  // the first ones, in words
  std::int64_t evictions_expected = 0;  // per event
  std::int64_t evictions_observed = 0;  // over all events, sham left out
  std::int64_t violations_at_end = 0;   // those that a check of the memory at the end finds
  std::int64_t events_done = 0;
  std::map<std::string, std::string> bystanders;  // each one: what it is, or why it is none
  std::vector<nlohmann::json> traces;  // of the worst events, or of all (event_trace.hpp)
};

/// Phase of a case whose event is the end of the process.
inline constexpr const char* kEndingPhase = "ending";

/// The names of the case in a row, as far as the request gives them.
analysis::SummaryRow describe_case(const CaseRequest& request);

/// Told what happens, as it happens: a worker that dies has said where it was.
struct CaseObserver {
  std::function<void(const std::string& phase, std::int64_t event)> phase;
  std::function<void(const analysis::SampleRow&)> sample;
};

/// Runs the case. A case that cannot run comes back with status skipped and the reason. Throws
/// HipError, std::system_error or WorkloadStuck when something that should work does not.
CaseResult run_case(const CaseRequest& request, DriverEventListener* driver_events,
                    const DeviceInfo& device, const CaseObserver& observer);

}  // namespace notifier
